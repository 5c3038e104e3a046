"""Which bytes an operand may touch: shared by validation and, at run time, by the simulator."""

from __future__ import annotations

from rnncc.isa.instruction import Operand


def footprint(
    operand: Operand,
    axes: tuple[int, ...],
    extents: tuple[int, int, int],
    item: int,
    index: int = 0,
) -> tuple[int, int]:
    """The bytes between an operand's lowest and highest element.

    Args:
        operand: where it lies.
        axes: the extents it runs over (``OperandSpec.axes``).
        extents: values of e0, e1, e2, none negative.
        item: bytes of an element.
        index: value of the index register.

    Returns:
        First byte and the byte after the last; equal when an extent is 0.
    """
    start = operand.base + index * operand.index_stride
    if any(extents[axis] == 0 for axis in axes):
        return start, start
    low = high = start
    for axis in axes:
        step = (extents[axis] - 1) * operand.strides[axis]
        low, high = (low + step, high) if step < 0 else (low, high + step)
    return low, high + item
