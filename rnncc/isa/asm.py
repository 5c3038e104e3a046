"""Assembler and disassembler.

A line holds one instruction, a label (``name:``) or nothing; ``;`` starts a comment::

    loop r5, r3 max 25            ; run-time count
      mm f32 [1, 256, 128] vmem[0x0 : 1024, 4, 0], vmem[0x800 + r5*512 : 512, 0, 4], wmem[0x0 : 0, 512, 4]
      beqz r4, done
      unary.tanh f32 [1, 1, 256] vmem[0x0 : 0, 0, 4], vmem[0x0 : 0, 0, 4] @ "lstm / tanh"
    done:
    endloop
    halt

``@ "text"`` is the instruction's entry of the source map. A whole program has directives before its
instructions: see ``rnncc.program.text``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from rnncc.errors import AssemblyError
from rnncc.isa.instruction import Instruction
from rnncc.isa.lexer import Line
from rnncc.isa.parse import Parsed, parse_instruction, resolve
from rnncc.isa.write import Locate, write_lines

if TYPE_CHECKING:
    from rnncc.program.container import Program


def assemble(text: str, name: str = "<asm>") -> list[Instruction]:
    """Assemble instructions alone.

    Args:
        text: assembler text without directives.
        name: of the file, for messages.

    Raises:
        AssemblyError: with file, line, column and caret.
    """
    lines = [Line(line, number, name) for number, line in enumerate(text.splitlines(), start=1)]
    for line in lines:
        if line.next.text.startswith("."):
            raise line.error(
                "directives make a whole program", hint="use assemble_program, or `rnncc asm`"
            )
    return assemble_lines(lines, {}).instructions


class Assembled(NamedTuple):
    """Instructions, their source map (empty when no line names a source) and the line of each."""

    instructions: list[Instruction]
    source_map: tuple[str, ...]
    lines: tuple[Line, ...]


def assemble_lines(lines: Sequence[Line], addresses: Mapping[str, int]) -> Assembled:
    """Assemble lines that hold labels and instructions.

    Args:
        lines: see ``Line``.
        addresses: segment name -> address.

    Raises:
        AssemblyError: with file, line, column and caret.
    """
    parsed: list[Parsed] = []
    labels: dict[str, int] = {}
    for line in lines:
        if len(line.tokens) > 2 and line.tokens[1].text == ":" and line.next.kind == "name":
            label = line.next
            if label.text in labels:
                raise line.error(f"label '{label.text}' is defined twice")
            labels[line.take("name", "a label").text] = len(parsed)
            line.expect(":")
        if line.next.kind != "end":
            parsed.append(parse_instruction(line, addresses))
    sources = tuple(item.source for item in parsed)
    return Assembled(
        resolve(parsed, labels),
        sources if any(sources) else (),
        tuple(item.line for item in parsed),
    )


def disassemble(
    program: Program | Sequence[Instruction],
    source_map: Sequence[str] = (),
    symbols: Locate | None = None,
) -> str:
    """Assembler text that assembles to the same words.

    Args:
        program: a whole program, with its directives, or instructions alone.
        source_map: of instructions alone: an entry each, or empty.
        symbols: of instructions alone: names DRAM addresses.
    """
    if isinstance(program, Sequence):
        return "\n".join(write_lines(program, source_map, symbols)) + "\n"
    from rnncc.program.text import write_program

    return write_program(program)


def assemble_program(
    text: str, constants: Mapping[str, Any] | None = None, name: str = "<asm>"
) -> Program:
    """Assemble a whole program, with directives; see ``rnncc.program.text.read_program``."""
    from rnncc.program.text import read_program

    return read_program(text, constants or {}, name)


__all__ = ["AssemblyError", "assemble", "assemble_lines", "assemble_program", "disassemble"]
