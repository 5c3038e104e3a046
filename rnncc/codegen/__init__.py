"""From an allocated npu module to a program of instruction words.

Three steps, a file each: `layout` gives every buffer its place in memory, `registers` every scalar
its register, `emit` every operation its instruction; `constants` says which scalars are known.
"""

from rnncc.codegen.generate import generate

__all__ = ["generate"]
