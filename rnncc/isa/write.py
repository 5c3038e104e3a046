"""Instruction -> one line of assembler text; the exact inverse of ``rnncc.isa.parse``."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from rnncc.isa.instruction import ONES, Instruction, Operand
from rnncc.isa.lexer import quote
from rnncc.isa.table import INSTRUCTIONS

Locate = Callable[[int], tuple[str, int] | None]
"""DRAM address -> (segment name, offset), or None when it is in no segment."""


def write_lines(
    instructions: Sequence[Instruction],
    source_map: Sequence[str] = (),
    locate: Locate | None = None,
) -> list[str]:
    """Assembler text of a sequence of instructions.

    Args:
        instructions: loops and branches may only refer to one another.
        source_map: an entry an instruction, or empty.
        locate: how to name DRAM addresses; None writes numbers.

    Returns:
        Lines, labels included, indented by loop depth.
    """
    targets = sorted({item.target for item in instructions if item.op in ("jmp", "beqz")})
    labels = {target: f"L{number}" for number, target in enumerate(targets)}
    lines, depth = [], 1
    for number, item in enumerate(instructions):
        if number in labels:
            lines.append(f"{labels[number]}:")
        depth -= item.op == "endloop"
        text = "  " * max(depth, 0) + write_instruction(item, labels.get(item.target), locate)
        source = source_map[number] if number < len(source_map) else ""
        lines.append(f"{text} @ {json.dumps(source)}" if source else text)
        depth += item.op == "loop"
    if len(instructions) in labels:
        lines.append(f"{labels[len(instructions)]}:")
    return lines


def write_instruction(
    item: Instruction, label: str | None = None, locate: Locate | None = None
) -> str:
    """One instruction without indentation; ``label`` names its target."""
    spec = INSTRUCTIONS[item.op]
    arguments: list[str] = []
    head = item.mnemonic
    if spec.layout == "tensor":
        types = item.types[:1] if len(set(item.types)) == 1 else item.types
        head += f" {','.join(types)}"
        if item.extents != ONES:
            head += f" [{', '.join(map(str, item.extents))}]"
        arguments = [write_operand(operand, locate) for operand in item.operands]
        arguments += [
            f"{immediate.name}={value!r}"
            for immediate, value in zip(spec.immediates, item.imm, strict=True)
            if value or spec.op != "unary" or str(value) == "-0.0"
        ]
    elif item.op == "loop":
        arguments = [
            f"r{item.rd}",
            f"r{item.ra} max {item.imm[0]}" if item.ra else str(item.imm[0]),
        ]
    elif item.op == "s":
        arguments = [f"r{item.rd}", f"r{item.ra}", str(item.imm[0]) if item.imm else f"r{item.rb}"]
    elif item.op == "s.imm":
        arguments = [f"r{item.rd}", str(item.imm[0])]
    elif item.op == "s.read":
        arguments = [f"r{item.rd}", f"{item.types[0]} {write_operand(item.operands[0], locate)}"]
    elif item.op == "host":
        arguments = [str(item.imm[0])]
    else:
        arguments = [f"r{item.ra}"] if "ra" in spec.registers else []
        arguments += [label or str(item.target)] if spec.targets else []
    return f"{head} {', '.join(arguments)}".rstrip()


def write_operand(operand: Operand, locate: Locate | None = None) -> str:
    """``memory[base + rN*stride : s0, s1, s2]``."""
    place = locate(operand.base) if locate and operand.memory == "dram" else None
    text = f"{operand.base:#x}"
    if place is not None:
        text = quote(place[0]) + (f" + {place[1]:#x}" if place[1] else "")
    if operand.index:
        text += f" + r{operand.index}*{operand.index_stride}"
    if any(operand.strides):
        text += f" : {', '.join(map(str, operand.strides))}"
    return f"{operand.memory}[{text}]"
