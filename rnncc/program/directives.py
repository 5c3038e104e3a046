"""The directives of a whole program's assembler text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnncc.errors import ProgramError
from rnncc.isa.asm import Assembled, assemble_lines
from rnncc.isa.lexer import Line
from rnncc.isa.table import ISA_VERSION
from rnncc.isa.types import ELEMENT_TYPES
from rnncc.machine.description import MachineDescription
from rnncc.machine.load import load_machine, machine_names, parse_machine
from rnncc.program.batch import Batch, read_batch
from rnncc.program.container import Port, Program, Segment, Symbol
from rnncc.program.tensors import parse_json
from rnncc.program.validate import NUMERICS, validate
from rnncc.program.values import read_values

_ALIGN = 64
_DIRECTIVES = (
    ".isa", ".machine", ".numerics", ".setup", ".scale", ".memory", ".symbol", ".const", ".work", ".input", ".output",
    ".host", ".batch", ".report",
)  # fmt: skip


class Header:
    """What the directives of one text say.

    Args:
        source: name of the text, for messages and for machine files beside it.
        constants: values of constants that the text does not give.
    """

    def __init__(self, source: str, constants: Mapping[str, np.ndarray]):
        self.source = source
        self.constants = constants
        self.machine: MachineDescription | None = None
        self.numerics = "exact"
        self.setup = 0
        self.scale = {"dram": 1, "wmem": 1, "vmem": 1}
        self.memory: dict[str, int] = {}
        self.symbols: dict[str, Symbol] = {}
        self.segments: list[Segment] = []
        self.ports: dict[str, list[Port]] = {"input": [], "output": []}
        self.hosts: list[str] = []
        self.batch: Batch | None = None
        self.report: dict[str, Any] = {}

    def read(self, line: Line) -> None:
        """Read one directive but ``.machine {``; AssemblyError with line and caret."""
        name = line.choice("directive", _DIRECTIVES)[1:]
        if name == "isa":
            column, version = line.next.column, line.integer("the ISA version")
            if version != ISA_VERSION:
                raise line.error(
                    f"ISA version {version}; this assembler knows {ISA_VERSION}", column
                )
        elif name == "machine":
            self.machine = self._machine(line)
        elif name == "numerics":
            self.numerics = line.choice("numerics", NUMERICS)
        elif name == "setup":
            self.setup = line.integer("a number of instructions")
        elif name in ("scale", "memory"):
            table = self.scale if name == "scale" else self.memory
            while line.next.kind != "end":
                memory = line.choice("memory", self.scale)
                line.expect("=")
                table[memory] = line.integer("a number")
        elif name == "symbol":
            symbol = line.quoted("the symbol's name")
            maximum = line.integer("its maximum")
            self.symbols[symbol] = Symbol(maximum, line.register())
        elif name == "host":
            self.hosts.append(line.quoted("a host function"))
        elif name in ("batch", "report"):
            self._json(line, name)
        else:
            self._segment(line, name)
        line.end()

    def _json(self, line: Line, name: str) -> None:
        column = line.next.column
        try:
            table = parse_json(line.quoted("JSON"), name)
            if not isinstance(table, dict):
                raise ProgramError(f"the {name} must be a JSON object")
            if name == "report":
                self.report = table
            else:
                self.batch = read_batch(table, name)
        except ProgramError as error:
            raise line.error(error.message, column) from None

    def _machine(self, line: Line) -> MachineDescription:
        name = line.quoted("a machine's name or file")
        beside = Path(self.source).parent / name
        return load_machine(beside if name not in machine_names() and beside.is_file() else name)

    def _segment(self, line: Line, kind: str) -> None:
        column = line.next.column
        name = line.quoted(f"the {kind}'s name")
        dtype = line.choice("element type", ELEMENT_TYPES)
        shape, symbols = self._shape(line)
        end = self.segments[-1].end if self.segments else 0
        address = line.integer("an address") if line.accept("at") else -(-end // _ALIGN) * _ALIGN
        owner = line.quoted("a segment's name") if line.accept("segment") else name
        if any(segment.name == owner for segment in self.segments):
            raise line.error(f"segment '{owner}' is defined twice", column)
        if kind in self.ports:
            self.ports[kind].append(Port(name, dtype, shape, symbols, owner))
        elif any(symbols):
            raise line.error("only inputs and outputs have axes that follow a symbol", column)
        array = (
            read_values(line, name, dtype, shape, self.constants.get(name))
            if kind == "const"
            else None
        )
        self.segments.append(Segment(owner, kind, address, dtype, shape, array))

    def _shape(self, line: Line) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """``[T:25, 1]`` -> ((25, 1), ("T", ""))."""
        line.expect("[")
        shape, symbols = [], []
        while not line.accept("]"):
            if shape:
                line.expect(",")
            symbol = ""
            if line.next.kind in ("name", "string"):
                symbol = line.quoted("a symbol")
                line.expect(":")
            column, extent = line.next.column, line.integer("an extent")
            if extent < 0:
                raise line.error(f"negative extent {extent}", column)
            shape.append(extent)
            symbols.append(symbol)
        return tuple(shape), tuple(symbols)


def build_program(header: Header, text: str) -> Program:
    """Read directives and instructions into a program; see ``rnncc.program.text.read_program``."""
    body: list[Line] = []
    rows = enumerate(text.splitlines(), start=1)
    for number, row in rows:
        if re.fullmatch(r"\s*\.machine\s*\{\s*", row):
            header.machine = _embedded(rows, header.source, number)
            continue
        line = Line(row, number, header.source)
        if not line.next.text.startswith("."):
            body.append(line)
        elif any(other.next.kind != "end" for other in body):
            raise line.error("directives come before the instructions")
        else:
            header.read(line)
    if header.machine is None:
        raise Line("", 1, header.source).error(
            "no .machine directive", hint="start with: .machine edge"
        )
    assembled = assemble_lines(body, {segment.name: segment.address for segment in header.segments})
    program = Program.build(
        assembled.instructions,
        segments=tuple(header.segments),
        inputs=tuple(header.ports["input"]),
        outputs=tuple(header.ports["output"]),
        machine=header.machine,
        symbols=header.symbols,
        memory=header.memory,
        scale=header.scale,
        numerics=header.numerics,
        setup=header.setup,
        source_map=assembled.source_map,
        hosts=tuple(header.hosts),
        batch=header.batch,
        report=header.report,
    )
    _check(program, assembled)
    return program


def _embedded(rows: Iterator[tuple[int, str]], source: str, start: int) -> MachineDescription:
    """The machine between ``.machine {`` and a line with ``}`` alone."""
    lines: list[str] = []
    for _, row in rows:
        if row.strip() == "}":
            # Empty lines in front keep the machine's own line numbers right.
            return parse_machine("\n" * start + "\n".join(lines), source)
        lines.append(row)
    raise Line("", start, source).error(".machine { is not closed by a line with } alone")


def _check(program: Program, assembled: Assembled) -> None:
    """Validate; what is wrong with an instruction is said with its line."""
    try:
        validate(program)
    except ProgramError as error:
        place = re.match(r"instruction (\d+): ", error.message)
        if place is None:
            raise
        line = assembled.lines[int(place[1])]
        raise line.error(error.message[place.end() :], line.tokens[0].column, error.hint) from None
