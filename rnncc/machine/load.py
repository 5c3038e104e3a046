"""Load machine descriptions, built-in ones by name and anybody's by file, with inheritance."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path as FilePath

from rnncc.errors import MachineError, nearest
from rnncc.machine.build import build
from rnncc.machine.check import problems
from rnncc.machine.description import MachineDescription
from rnncc.machine.given import given
from rnncc.machine.source import Path, Source, inherit, read_source

_FOLDER = FilePath(__file__).parent
_MAX_BYTES = 1 << 20
_MAX_CHAIN = 32


def machine_names() -> tuple[str, ...]:
    """Names of the built-in machines, sorted."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def load_machine(name_or_path: str | os.PathLike[str]) -> MachineDescription:
    """Load and check a machine.

    Args:
        name_or_path: a built-in name (see ``machine_names``), a path (anything with a folder or ``.toml``), or
            a text of :func:`rnncc.machine.given.give`.

    Raises:
        MachineError: with file and line: no such machine, unknown or missing keys, wrong types, a
            cycle of inheritance, or a description that contradicts itself.
    """
    name = os.fspath(name_or_path)
    if name in machine_names():
        return _built_in(name)
    if (machine := given(name)) is not None:
        return machine
    return _finish(_read(_find(name, None, None), []))


def parse_machine(text: str, where: str = "machine") -> MachineDescription:
    """Load a machine from TOML text that stands alone, as inside a program file; it may not
    inherit.

    Args:
        text: TOML.
        where: name for messages.

    Raises:
        MachineError: as ``load_machine``.
    """
    source = read_source(text, where)
    if "inherits" in source.values:
        raise source.error(("inherits",), "an embedded machine must not inherit from another")
    return _finish(source)


@cache
def _built_in(name: str) -> MachineDescription:
    return _finish(_read(_FOLDER / f"{name}.toml", []))


def _find(name: str, beside: FilePath | None, asker: Source | None) -> FilePath:
    """The file of a machine; relative paths are relative to the file that names them."""
    if name in machine_names():
        return _FOLDER / f"{name}.toml"
    path = (beside / name) if beside else FilePath(name)
    if path.is_file():
        return path
    if path.is_dir() and name:
        message, hint = f"'{name}' is a folder, not a machine file", None
    elif name.endswith(".toml") or os.sep in name:
        message, hint = f"machine file '{name}' does not exist", None
    else:
        message = f"unknown machine '{name}'"
        hint = nearest(name, machine_names())
        known = ", ".join(machine_names())
        hint = hint or f"known: {known}; a file of your own must end in .toml"
    raise asker.error(("inherits",), message, hint) if asker else MachineError(message, hint)


def _read(path: FilePath, chain: list[FilePath]) -> Source:
    """Values of a file over those of the files it inherits from; ``chain`` are the files that led
    here.
    """
    resolved = path.resolve()
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise MachineError(f"{path}: larger than {_MAX_BYTES} bytes, not a machine file")
        # Some editors begin a file with a byte order mark.
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise MachineError(f"cannot read machine file '{path}': {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise MachineError(f"{path}:{line}: not a text file (UTF-8): {error.reason}") from None
    source = read_source(text, os.fspath(path) if path.parent != _FOLDER else path.name)
    if "name" not in source.values:
        raise source.error((), "missing key 'name'")
    parent = source.values.pop("inherits", None)
    if parent is None:
        return source
    if not isinstance(parent, str):
        raise source.error(
            ("inherits",), f"'inherits' must be a machine's name or file, not {parent!r}"
        )
    if len(chain) >= _MAX_CHAIN:
        raise source.error(
            ("inherits",), f"more than {_MAX_CHAIN} files that inherit from one another"
        )
    base = _find(parent, path.parent, source)
    if base.resolve() in (*chain, resolved):
        names = " -> ".join(step.name for step in (*chain, resolved, base))
        raise source.error(("inherits",), f"cycle of inheritance: {names}")
    return inherit(source, _read(base, [*chain, resolved]))


def _finish(source: Source) -> MachineDescription:
    machine = build(MachineDescription, source, source.values)
    for problem in problems(machine):
        # Of numbers that contradict one another, those that the file itself gives are to blame, not those inherited.
        keys = (problem.key, *problem.others)
        blamed = next((path for path in map(_path, keys) if source.gives(path)), _path(problem.key))
        raise source.error(blamed, f"{problem.key}: {problem.reason}")
    return machine


def _path(key: str) -> Path:
    """A dotted name as a key's path; the keys of [sources] are dotted names themselves."""
    table, _, rest = key.partition(".")
    return (table, rest) if table == "sources" else tuple(key.split("."))
