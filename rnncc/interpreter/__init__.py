"""NumPy semantics of the rnn, nn and npu dialects: what a module computes, at any stage."""

from rnncc.interpreter.core import run

__all__ = ["run"]
