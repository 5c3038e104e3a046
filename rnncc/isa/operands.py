"""Extents and operands in assembler text."""

from __future__ import annotations

import re
from collections.abc import Mapping

from rnncc.errors import nearest
from rnncc.isa.instruction import ONES, Extent, Operand
from rnncc.isa.lexer import Line
from rnncc.isa.spec import MEMORIES


def read_extents(line: Line) -> tuple[Extent, Extent, Extent]:
    """``[e0, e1, 256*r3]``; all ones when the line has none."""
    if line.next.text != "[":
        return ONES
    line.expect("[")
    extents = []
    for number in range(3):
        if number:
            line.expect(",")
        value = line.integer("an extent")
        extents.append(Extent(value, line.register() if line.accept("*") else 0))
    line.expect("]")
    return extents[0], extents[1], extents[2]


def read_operand(line: Line, addresses: Mapping[str, int]) -> Operand:
    """``memory[base + rN*stride : s0, s1, s2]``; the base is a sum of numbers and segment names."""
    memory = line.choice("memory", MEMORIES)
    line.expect("[")
    base = index = index_stride = 0
    while True:
        if line.next.kind == "name" and re.fullmatch(r"r\d+", line.next.text):
            if index:
                raise line.error("an operand has one index register")
            index = line.register()
            line.expect("*")
            index_stride = line.integer("bytes an index step")
        elif line.next.kind in ("name", "string"):
            base += _segment(line, addresses)
        else:
            base += line.integer("an address")
        if not line.accept("+"):
            break
    strides = [0, 0, 0]
    if line.accept(":"):
        for axis in range(3):
            if axis:
                line.expect(",")
            strides[axis] = line.integer("a stride in bytes")
    line.expect("]")
    return Operand(memory, base, index, index_stride, (strides[0], strides[1], strides[2]))


def _segment(line: Line, addresses: Mapping[str, int]) -> int:
    column = line.next.column
    name = line.quoted("a segment")
    if name not in addresses:
        raise line.error(f"unknown segment '{name}'", column, nearest(name, addresses))
    return addresses[name]
