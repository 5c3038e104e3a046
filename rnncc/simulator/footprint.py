"""Which bytes an operand touches, and whether two operands touch the same ones.

A footprint is a bounding range, refined where the operand is a set of equally spaced blocks (rows of a matrix, or
the column slice of one): blocks of ``width`` bytes every ``pitch`` bytes.
"""

from __future__ import annotations

from math import gcd

from rnncc.isa.instruction import Instruction
from rnncc.isa.table import INSTRUCTIONS
from rnncc.isa.types import ITEM_SIZES

Extents = tuple[int, int, int]
Shape = tuple[int, int, int, int]
"""(low, high, pitch, width): bytes relative to the operand's address; pitch 0 = every byte between low and high."""


def footprint(extents: tuple[int, ...], strides: tuple[int, ...], size: int) -> Shape:
    """The footprint of a strided walk; all zero when it has no element.

    Args:
        extents: elements along each axis.
        strides: bytes along each axis.
        size: bytes of an element.
    """
    axes = sorted(
        (abs(stride), stride, count)
        for stride, count in zip(strides, extents, strict=True)
        if stride and count != 1
    )
    if 0 in extents:
        return (0, 0, 0, 0)
    low, high = 0, size
    for _, stride, count in axes:
        reach = (count - 1) * stride
        low, high = min(low, low + reach), max(high, high + reach)
    width, pitch = size, 0
    for at, (stride, _, count) in enumerate(axes):
        if stride > width:
            pitch = gcd(*(step for step, _, _ in axes[at:]))
            break
        width = max(width, (count - 1) * stride + width)
    return (low, high, pitch, width) if pitch > width else (low, high, 0, 0)


def overlap(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether two footprints at absolute addresses share a byte; True when it is not cheap to say.

    Args:
        a: (low, high, pitch, width) in bytes of the memory.
        b: another one.
    """
    if a[1] <= b[0] or b[1] <= a[0]:
        return False
    pitch = a[2]
    if not pitch or pitch != b[2]:
        return True
    # Blocks at a[0] + i * pitch and at b[0] + j * pitch: only the distance modulo the pitch matters.
    distance = (b[0] - a[0]) % pitch
    return distance < a[3] or distance + b[3] > pitch


def footprints(instruction: Instruction, extents: Extents) -> list[Shape]:
    """The footprint of each operand of an instruction with actual bounds.

    A gather may read any row of its table, and a matrix in wmem is dense by definition.
    """
    shapes = []
    spec = INSTRUCTIONS[instruction.op]
    for which, (operand, described) in enumerate(
        zip(instruction.operands, spec.operands, strict=True)
    ):
        bounds = list(extents)
        if instruction.op == "gather" and which == 1:
            bounds[0] = int(instruction.imm[0])
        axes = described.axes
        shapes.append(
            footprint(
                tuple(bounds[axis] for axis in axes),
                tuple(operand.strides[axis] for axis in axes),
                ITEM_SIZES[instruction.types[which]],
            )
        )
    return shapes
