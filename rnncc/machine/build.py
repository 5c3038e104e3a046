"""From the values of a machine file to the dataclasses, strictly: nothing unknown, nothing
missing, right types.
"""

from __future__ import annotations

import dataclasses
import math
import re
import typing
from typing import Any

from rnncc.errors import nearest
from rnncc.machine.source import Path, Source

_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_SIZE = re.compile(r"^(\d+(?:\.\d+)?)\s*([KMGT]?i?B)$")
T = typing.TypeVar("T")


def build(cls: type[T], source: Source, table: dict[str, Any], path: Path = ()) -> T:
    """Make a dataclass from a table.

    Args:
        cls: dataclass; its fields are the keys that the table may have, those without default must
            be there.
        source: for the places in messages.
        table: values.
        path: where the table stands in the file.

    Raises:
        MachineError: with file and line; an unknown key comes with the nearest right one.
    """
    fields = {field.name: field for field in dataclasses.fields(typing.cast(Any, cls))}
    for key in table:
        if key not in fields:
            raise source.error(
                (*path, key),
                f"unknown key '{'.'.join((*path, key))}'",
                nearest(key, fields) or f"known here: {', '.join(fields)}",
            )
    hints = typing.get_type_hints(cls)
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in table:
            values[name] = _convert(hints[name], table[name], source, (*path, name))
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            what = "table" if dataclasses.is_dataclass(hints[name]) else "key"
            raise source.error(path, f"missing {what} '{'.'.join((*path, name))}'")
    return cls(**values)


def _convert(hint: Any, value: Any, source: Source, path: Path) -> Any:
    """One value in the type that the dataclass wants."""
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise _mismatch(source, path, "a table", value)
        return build(typing.cast(type, hint), source, value, path)
    origin = typing.get_origin(hint)
    if origin is dict:
        if not isinstance(value, dict):
            raise _mismatch(source, path, "a table", value)
        inner = typing.get_args(hint)[1]
        return {key: _convert(inner, item, source, (*path, key)) for key, item in value.items()}
    if origin is tuple:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise _mismatch(source, path, "a list of strings", value)
        return tuple(value)
    return _scalar(hint, value, source, path)


def _scalar(hint: Any, value: Any, source: Source, path: Path) -> Any:
    if hint is int and path[-1] == "size" and isinstance(value, str):
        return _size(value, source, path)
    if hint is bool and isinstance(value, bool):
        return value
    if hint is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise _mismatch(source, path, "a finite number", value)
        return float(value)
    if hint is str and isinstance(value, str):
        return value
    names = {int: "an integer", float: "a number", str: "a string", bool: "true or false"}
    raise _mismatch(source, path, names[hint], value)


def _size(text: str, source: Source, path: Path) -> int:
    match = _SIZE.match(text)
    if match is None or match[2] not in _UNITS:
        raise _mismatch(source, path, 'bytes or a string such as "4 MiB"', text)
    size = float(match[1]) * _UNITS[match[2]]
    if size != int(size):
        raise _mismatch(source, path, "a whole number of bytes", text)
    return int(size)


def _mismatch(source: Source, path: Path, wanted: str, value: Any) -> Exception:
    shown = repr(value) if len(repr(value)) < 60 else repr(value)[:57] + "..."
    return source.error(path, f"'{'.'.join(path)}' must be {wanted}, not {shown}")
