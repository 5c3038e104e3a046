"""Sums of the short floating-point formats: made in f32 and rounded once, as one instruction would do.

A product, a reduction or a convolution that takes several instructions would otherwise round to f16 or bf16 after
each: its error would grow with the number of pieces, and with it with the machine's memory.
"""

from __future__ import annotations

from collections.abc import Callable

from xdsl.dialects.builtin import bf16, f16, f32
from xdsl.ir import Attribute, SSAValue

from rnncc.dialects import npu
from rnncc.dialects._types import type_of
from rnncc.passes._lower.budget import itembytes
from rnncc.passes._lower.lowering import Lowering
from rnncc.passes._lower.ref import Ref

NARROW = (f16, bf16)


def is_narrow(value: SSAValue) -> bool:
    """Whether a tensor's elements are f16 or bf16."""
    return type_of(value).get_element_type() in NARROW


def wide(element: Attribute) -> Attribute:
    """The type that sums of an element type are kept in."""
    return f32 if element in NARROW else element


def wide_bytes(value: SSAValue) -> int:
    """Bytes of one element of such sums."""
    return 4 if is_narrow(value) else itembytes(value)


def widened(low: Lowering, src: Ref) -> Ref:
    """A window in vector memory with elements of the type of sums: a copy of a narrow one."""
    if src.element not in NARROW:
        return src
    copy = low.alloc(src.dims, f32, name="wide")
    low.walk([copy, src], npu.ConvertOp)
    return copy


def rounded(low: Lowering, dst: Ref, make: Callable[[Ref], None]) -> None:
    """Let `make` compute into `dst`, or, where that is narrow, into a wide window that is then rounded."""
    if dst.element not in NARROW or dst.empty:
        make(dst)
        return
    work = low.alloc(dst.dims, f32, name="sum")
    make(work)
    low.walk([dst, work], npu.ConvertOp)
