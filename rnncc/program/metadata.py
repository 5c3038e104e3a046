"""The program's metadata as JSON: all but words and constants. Reading is strict: the text is a stranger's."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from rnncc.errors import MachineError, ProgramError, nearest
from rnncc.isa.table import ISA_VERSION
from rnncc.isa.types import ELEMENT_TYPES
from rnncc.machine.dump import dump_machine
from rnncc.machine.load import parse_machine
from rnncc.program.batch import read_batch
from rnncc.program.container import Port, Program, Segment, Symbol
from rnncc.program.tensors import is_shape, parse_json

_KEYS: dict[str, type] = {
    "isa_version": int, "numerics": str, "setup": int, "machine": str, "memory": dict, "scale": dict,
    "symbols": dict, "segments": list, "inputs": list, "outputs": list, "source_map": dict, "hosts": list,
    "batch": dict, "report": dict,
}  # fmt: skip


def to_text(program: Program) -> str:
    """The metadata of a program as JSON text."""
    names = sorted(set(program.source_map))
    number = {name: position for position, name in enumerate(names)}
    table = {
        "isa_version": program.isa_version,
        "numerics": program.numerics,
        "setup": program.setup,
        "machine": dump_machine(program.machine),
        "memory": program.memory,
        "scale": program.scale,
        "symbols": {
            name: [symbol.maximum, symbol.register] for name, symbol in program.symbols.items()
        },
        "segments": [[s.name, s.kind, s.address, s.dtype, list(s.shape)] for s in program.segments],
        "inputs": [_port(port) for port in program.inputs],
        "outputs": [_port(port) for port in program.outputs],
        "source_map": {"names": names, "index": [number[name] for name in program.source_map]},
        "hosts": list(program.hosts),
        "batch": program.batch.to_dict() if program.batch else {},
        "report": program.report,
    }
    return json.dumps(table, separators=(",", ":"), allow_nan=False)


def _port(port: Port) -> list[Any]:
    return [port.name, port.dtype, list(port.shape), list(port.symbols), port.segment]


def from_text(text: str, words: np.ndarray, constants: dict[str, np.ndarray]) -> Program:
    """A program from its metadata, words and the arrays of its constants by segment name.

    Raises:
        ProgramError: the metadata is malformed, or of another ISA version.
    """
    table = parse_json(text, "metadata")
    if not isinstance(table, dict):
        raise ProgramError("metadata: not an object")
    _check_version(table.get("isa_version"))
    for key in table:
        if key not in _KEYS:
            raise ProgramError(f"metadata: unknown key '{key[:80]}'", nearest(key, _KEYS))
    table.setdefault("batch", {})
    for key, kind in _KEYS.items():
        if not isinstance(table.get(key), kind) or isinstance(table[key], bool):
            raise ProgramError(f"metadata: '{key}' is missing or no {kind.__name__}")
    try:
        machine = parse_machine(table["machine"], "metadata: machine")
    except MachineError as error:
        raise ProgramError(error.message, error.hint) from None
    return Program(
        words=words,
        segments=tuple(
            _segment(row, f"metadata: segments[{n}]", constants)
            for n, row in enumerate(table["segments"])
        ),
        inputs=tuple(
            _read_port(row, f"metadata: inputs[{n}]") for n, row in enumerate(table["inputs"])
        ),
        outputs=tuple(
            _read_port(row, f"metadata: outputs[{n}]") for n, row in enumerate(table["outputs"])
        ),
        machine=machine,
        symbols=_symbols(table["symbols"]),
        memory=_counts(table["memory"], "memory"),
        scale=_counts(table["scale"], "scale"),
        numerics=table["numerics"],
        setup=table["setup"],
        source_map=_source_map(table["source_map"]),
        hosts=_names(table["hosts"], "hosts"),
        batch=read_batch(table["batch"], "metadata: batch"),
        report=table["report"],
        isa_version=table["isa_version"],
    )


def _check_version(version: Any) -> None:
    if version != ISA_VERSION or isinstance(version, bool):
        raise ProgramError(
            f"metadata: the program is for ISA version {version!r:.40}, this rnncc reads version {ISA_VERSION}",
            "compile the model again",
        )


def _segment(row: Any, where: str, constants: dict[str, np.ndarray]) -> Segment:
    _row(row, where, (str, str, int, str, list))
    name, kind, address, dtype, shape = row
    _typed(dtype, shape, where)
    array = constants.get(name) if kind == "const" else None
    return Segment(name, kind, address, dtype, tuple(shape), array)


def _read_port(row: Any, where: str) -> Port:
    _row(row, where, (str, str, list, list, str))
    name, dtype, shape, symbols, segment = row
    _typed(dtype, shape, where)
    return Port(name, dtype, tuple(shape), _names(symbols, where), segment)


def _row(row: Any, where: str, kinds: tuple[type, ...]) -> None:
    fits = isinstance(row, list) and len(row) == len(kinds)
    if not fits or not all(type(item) is kind for item, kind in zip(row, kinds, strict=True)):
        raise ProgramError(f"{where}: must be [{', '.join(kind.__name__ for kind in kinds)}]")


def _typed(dtype: str, shape: Any, where: str) -> None:
    if dtype not in ELEMENT_TYPES:
        raise ProgramError(
            f"{where}: unknown element type '{dtype[:40]}'", nearest(dtype, ELEMENT_TYPES)
        )
    if not is_shape(shape) or len(shape) > 32:
        raise ProgramError(f"{where}: shape must be at most 32 non-negative integers")


def _symbols(table: dict[str, Any]) -> dict[str, Symbol]:
    for name, pair in table.items():
        _row(pair, f"metadata: symbols: '{name[:80]}'", (int, int))
    return {name: Symbol(*pair) for name, pair in table.items()}


def _counts(table: dict[str, Any], where: str) -> dict[str, int]:
    for name, value in table.items():
        if name not in ("dram", "wmem", "vmem") or type(value) is not int:
            raise ProgramError(
                f"metadata: {where}: must map dram, wmem, vmem to integers, not '{name[:80]}'"
            )
    return dict(table)


def _names(values: list[Any], where: str) -> tuple[str, ...]:
    if not all(isinstance(value, str) for value in values):
        raise ProgramError(f"metadata: {where}: must be a list of strings")
    return tuple(values)


def _source_map(table: dict[str, Any]) -> tuple[str, ...]:
    names, index = table.get("names"), table.get("index")
    if set(table) != {"names", "index"} or not isinstance(names, list) or not is_shape(index):
        raise ProgramError("metadata: source_map: must have names and index")
    known = _names(names, "source_map")
    if any(position >= len(known) for position in index or ()):
        raise ProgramError("metadata: source_map: an index is beyond the names")
    return tuple(known[position] for position in index or ())
