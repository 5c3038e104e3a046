"""The program: instruction words, constants and signature, and the ``.rnx`` file that holds them."""

from rnncc.program.blocks import block_of
from rnncc.program.container import Port, Program, Segment, Symbol
from rnncc.program.file import load
from rnncc.program.validate import validate

__all__ = ["Port", "Program", "Segment", "Symbol", "block_of", "load", "validate"]
