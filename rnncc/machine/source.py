"""A machine file as read: its values, and the line of each key for error messages."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from typing import Any

from rnncc.errors import MachineError

_HEADER = re.compile(r"^\s*\[([^\[\]]+)\]\s*(#.*)?$")
_KEY = re.compile(
    r"^\s*((?:\"[^\"]*\"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:\"[^\"]*\"|'[^']*'|[\w-]+))*)\s*="
)
_MAX_DEPTH = 8
_PART = re.compile(r"\"([^\"]*)\"|'([^']*)'|([\w-]+)")

Path = tuple[str, ...]
"""A key as the parts of its dotted name."""


@dataclass
class Source:
    """Values of a machine file and where each was written.

    Attributes:
        name: file name for messages.
        values: nested tables.
        where: key path -> "file:line"; kept through inheritance.
    """

    name: str
    values: dict[str, Any]
    where: dict[Path, str] = field(default_factory=dict)

    def at(self, path: Path) -> str:
        """ "file:line" of a key, or of the nearest table around it."""
        while path and path not in self.where:
            path = path[:-1]
        return self.where.get(path, self.name)

    def gives(self, path: Path) -> bool:
        """Whether the file itself, not one that it inherits from, has the key."""
        return self.where.get(path, "").startswith(f"{self.name}:")

    def error(self, path: Path, message: str, hint: str | None = None) -> MachineError:
        """The error that says ``message`` about the key at ``path``."""
        return MachineError(f"{self.at(path)}: {message}", hint)


def read_source(text: str, name: str) -> Source:
    """Parse TOML text.

    Args:
        text: the file's text.
        name: the file's name for messages.

    Raises:
        MachineError: with file and line when the text is no TOML.
    """
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        # Otherwise it says "at end of document".
        place = f"{name}:{line[1] if line else max(1, len(text.splitlines()))}"
        raise MachineError(f"{place}: not valid TOML: {error}") from None
    except RecursionError:
        raise MachineError(f"{name}: nested too deeply") from None
    if _depth(values) > _MAX_DEPTH:
        raise MachineError(f"{name}: nested too deeply")
    return Source(name, values, _lines(text, name, values))


def _depth(table: dict[str, Any]) -> int:
    """How deep tables lie in one another, found without recursion."""
    depth, level = 0, [table]
    while level:
        depth += 1
        level = [item for table in level for item in table.values() if isinstance(item, dict)]
    return depth


def _lines(text: str, name: str, values: dict[str, Any]) -> dict[Path, str]:
    """Where each key stands. The TOML reader gives no lines, so the text is scanned for headers
    and keys; the keys of an inline table stand where it does.
    """
    where: dict[Path, str] = {}
    table: Path = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _parts(header[1])
            where.setdefault(table, f"{name}:{number}")
        elif key := _KEY.match(line):
            path, place = table + _parts(key[1]), f"{name}:{number}"
            where.setdefault(path, place)
            inline = _at(values, path)
            for leaf in _leaves(inline, path) if isinstance(inline, dict) else ():
                where.setdefault(leaf, place)
    return where


def _at(values: Any, path: Path) -> Any:
    """The value at a path; None where there is none."""
    for part in path:
        values = values.get(part) if isinstance(values, dict) else None
    return values


def _parts(dotted: str) -> Path:
    """``a."b.c".d`` -> ("a", "b.c", "d")."""
    return tuple(a or b or c for a, b, c in _PART.findall(dotted))


def inherit(child: Source, parent: Source) -> Source:
    """The child's values over the parent's, table by table.

    A number that the child changes loses the parent's source text, which would be wrong for it, and is calibrated no
    more unless the child says so.
    """
    values = _merge(parent.values, child.values)
    own = child.values.get("sources", {})
    changed = {".".join(path) for path in _leaves(child.values) if path[0] != "sources"}
    if isinstance(values.get("sources"), dict):
        values["sources"] = {
            key: text for key, text in values["sources"].items() if key in own or key not in changed
        }
    if "calibrated" not in child.values and isinstance(values.get("calibrated"), list):
        values["calibrated"] = [key for key in values["calibrated"] if key not in changed]
    return Source(child.name, values, parent.where | child.where)


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = (
            _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
        )
    return merged


def _leaves(table: dict[str, Any], path: Path = ()) -> list[Path]:
    found: list[Path] = []
    for key, value in table.items():
        here = (*path, key)
        found += _leaves(value, here) if isinstance(value, dict) else [here]
    return found
