"""What may be wrong with a description, and the walk over its numbers that all checks share."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from rnncc.machine.description import MachineDescription


class Problem(NamedTuple):
    """What is wrong with a description.

    Attributes:
        key: dotted name of the number.
        reason: what is wrong with it.
        others: of a contradiction, the other numbers that could be the wrong ones.
    """

    key: str
    reason: str
    others: tuple[str, ...] = ()


def numbers(machine: MachineDescription) -> Iterator[tuple[str, float]]:
    """Every number of a description with its dotted name."""

    def walk(prefix: str, value: Any) -> Iterator[tuple[str, float]]:
        if dataclasses.is_dataclass(value):
            for field in dataclasses.fields(value):
                yield from walk(
                    f"{prefix}.{field.name}" if prefix else field.name, getattr(value, field.name)
                )
        elif isinstance(value, dict):
            for key, item in value.items():
                yield from walk(f"{prefix}.{key}", item)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield prefix, value

    return walk("", machine)
