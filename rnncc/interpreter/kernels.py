"""NumPy kernels of the nn kinds, shared by the interpreter and the simulator.

Every kernel takes ``out=``: an array of the result's shape and type, any strides, which may be an
operand itself (but not a shifted part of it); without it a new array is returned. Arithmetic is
that of the operands' own type, except that functions and sums of f16 and bf16 are evaluated in f32
and rounded once. Nothing here silences floating-point warnings: callers hold
``np.errstate(all="ignore")``.

The ``*_kernel`` functions choose once, for callers that run the same operation many times.
"""

from rnncc.interpreter._contractions import argreduce, matmul, reduce, softmax
from rnncc.interpreter._elementwise import (
    binary,
    binary_kernel,
    compare,
    compare_kernel,
    convert,
    read_element,
)
from rnncc.interpreter._unary import DEFAULTS, NARROW, unary, unary_kernel

__all__ = [
    "DEFAULTS",
    "NARROW",
    "argreduce",
    "binary",
    "binary_kernel",
    "compare",
    "compare_kernel",
    "convert",
    "matmul",
    "read_element",
    "reduce",
    "softmax",
    "unary",
    "unary_kernel",
]
