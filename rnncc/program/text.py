"""A whole program as assembler text: directives, then instructions.

::

    .isa 1
    .machine edge                           ; or .machine { TOML lines } with the braces on lines of their own
    .numerics exact
    .setup 2                                ; the first 2 instructions are done once, before the first run
    .scale dram=1 wmem=2 vmem=1             ; container bytes for a native byte; default 1
    .memory vmem=4096                       ; bytes used, for the report
    .symbol T 25 r1                         ; run-time length: its maximum and its register
    .input x f32 [T:25, 1, 256] at 0x1000   ; an axis that follows a symbol; without `at`, after the last segment
    .output y f32 [T:25, 1, 256] segment buffer
    .const w f32 [2, 2] = [1, 2.5, -3, 4]   ; or = hex "0000803f...", or nothing: taken from the given arrays
    .work scratch f32 [64]
    .host "function"                        ; host functions, numbered from 0
    .batch "{}"                             ; JSON: rows with lengths of their own (rnncc.program.batch)
    .report "{}"                            ; JSON

Instructions name segments in DRAM operands: ``dram[x + 64 + r5*1024 : 0, 0, 4]``.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping

import numpy as np

from rnncc.errors import MachineError
from rnncc.isa.lexer import quote
from rnncc.isa.write import Locate, write_lines
from rnncc.machine.dump import dump_machine
from rnncc.machine.load import load_machine, machine_names
from rnncc.program.container import Port, Program, Segment
from rnncc.program.directives import Header, build_program

INLINE_BYTES = 64
"""Constants up to this size are written in the text; larger ones come from a file of arrays beside it."""


def read_program(text: str, constants: Mapping[str, np.ndarray], name: str = "<asm>") -> Program:
    """Assemble a whole program and check it.

    Args:
        text: directives and instructions.
        constants: values of the constants whose directive gives none, by segment name.
        name: of the file, for messages.

    Raises:
        AssemblyError: the text is wrong; with file, line, column and caret.
        MachineError: the machine is unknown or wrong.
        ProgramError: the program as a whole is wrong.
    """
    return build_program(Header(name, constants), text)


def write_program(program: Program) -> str:
    """The text of a program. ``external_constants`` are left out; the rest reads back as the same program."""
    lines = [f".isa {program.isa_version}", *_machine(program), f".numerics {program.numerics}"]
    if program.setup:
        lines.append(f".setup {program.setup}")
    for directive, table in (("scale", program.scale), ("memory", program.memory)):
        if table:
            lines.append(
                f".{directive} {' '.join(f'{memory}={value}' for memory, value in table.items())}"
            )
    for name, symbol in program.symbols.items():
        lines.append(f".symbol {quote(name)} {symbol.maximum} r{symbol.register}")
    lines += [
        _segment(segment) for segment in program.segments if segment.kind in ("const", "work")
    ]
    for kind, ports in (("input", program.inputs), ("output", program.outputs)):
        lines += [_port(kind, port, program) for port in ports]
    lines += [f".host {json.dumps(name)}" for name in program.hosts]
    if program.batch:
        lines.append(f".batch {json.dumps(json.dumps(program.batch.to_dict()))}")
    if program.report:
        lines.append(f".report {json.dumps(json.dumps(program.report))}")
    body = write_lines(program.instructions, program.source_map, locator(program))
    return "\n".join([*lines, "", *body]) + "\n"


def locator(program: Program) -> Locate:
    """How to name DRAM addresses of a program: the segment an address lies in, and the offset in it."""
    segments = sorted(
        (s for s in program.segments if s.nbytes), key=lambda segment: segment.address
    )
    starts = [segment.address for segment in segments]

    def locate(address: int) -> tuple[str, int] | None:
        position = bisect_right(starts, address) - 1
        if position < 0 or address >= segments[position].end:
            return None
        return segments[position].name, address - segments[position].address

    return locate


def external_constants(program: Program) -> dict[str, np.ndarray]:
    """The constants that ``write_program`` leaves out, for an ``.npz`` beside the text."""
    return {
        segment.name: segment.array
        for segment in program.segments
        if segment.array is not None and segment.nbytes > INLINE_BYTES
    }


def _machine(program: Program) -> list[str]:
    name = program.machine.name
    try:
        if name in machine_names() and load_machine(name) == program.machine:
            return [f".machine {name}"]
    except MachineError:
        pass
    return [".machine {", *dump_machine(program.machine).splitlines(), "}"]


def _segment(segment: Segment) -> str:
    text = f".{segment.kind} {quote(segment.name)} {segment.dtype} {list(segment.shape)} at {segment.address:#x}"
    if segment.array is not None and segment.nbytes <= INLINE_BYTES and segment.nbytes:
        text += f' = hex "{segment.array.tobytes().hex()}"'
    return text


def _port(kind: str, port: Port, program: Program) -> str:
    axes = [
        f"{quote(symbol)}:{extent}" if symbol else str(extent)
        for extent, symbol in zip(port.shape, port.symbols, strict=True)
    ]
    address = program.segment[port.segment].address
    text = f".{kind} {quote(port.name)} {port.dtype} [{', '.join(axes)}] at {address:#x}"
    return text if port.segment == port.name else f"{text} segment {quote(port.segment)}"
