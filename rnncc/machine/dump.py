"""A machine description as TOML text, whole: nothing is inherited."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from rnncc.machine.description import MachineDescription


def dump_machine(machine: MachineDescription) -> str:
    """TOML that ``parse_machine`` reads back as an equal description."""
    return "\n".join(_table(dataclasses.asdict(machine), ())) + "\n"


def _table(table: dict[str, Any], path: tuple[str, ...]) -> list[str]:
    """The lines of a table: its own values first, then its inner tables."""
    lines = [
        f"{_key(key)} = {_value(value)}"
        for key, value in table.items()
        if not isinstance(value, dict)
    ]
    if path:
        lines = ["", f"[{'.'.join(map(_key, path))}]", *lines]
    for key, value in table.items():
        if isinstance(value, dict):
            lines += _table(value, (*path, key))
    return lines


def _key(key: str) -> str:
    bare = all(c.isascii() and (c.isalnum() or c in "-_") for c in key) and key
    return key if bare else _string(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return repr(value)


def _string(text: str) -> str:
    """A basic string. JSON's escapes are TOML's, except that TOML has no surrogate pairs."""
    return (
        '"'
        + "".join(f"\\U{ord(c):08x}" if ord(c) > 0x7E else json.dumps(c)[1:-1] for c in text)
        + '"'
    )
