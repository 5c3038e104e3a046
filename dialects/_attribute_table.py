"""Dictionaries of numbers, texts and lists that are noted on an operation, read with every entry's type checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseArrayBase,
    DictionaryAttr,
    IntegerAttr,
    StringAttr,
    i64,
)
from xdsl.ir import Attribute, Operation
from xdsl.utils.exceptions import VerifyException

_Kind = TypeVar("_Kind", bound=Attribute)


def number_list(values: Sequence[int]) -> DenseArrayBase:
    """Whole numbers as one attribute; :meth:`AttributeTable.numbers` reads it back."""
    return DenseArrayBase.from_list(i64, list(values))


class AttributeTable:
    """A dictionary attribute of an operation, whose entries are asked for by name and type.

    Every reader raises VerifyException for an entry that is missing or of another type.

    Args:
        op: the operation, which has the attribute.
        name: of the attribute.
    """

    def __init__(self, op: Operation, name: str):
        self.name, self.attribute = name, op.attributes[name]

    def number(self, key: str) -> int:
        """A whole number."""
        return self._entry(key, IntegerAttr).value.data

    def text(self, key: str) -> str:
        """A text."""
        return self._entry(key, StringAttr).data

    def numbers(self, key: str) -> tuple[int, ...]:
        """A list of whole numbers."""
        values: Any = self._entry(key, DenseArrayBase)
        return tuple(values.get_values())

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        found = self._entry(key, ArrayAttr).data
        texts = tuple(text.data for text in found if isinstance(text, StringAttr))
        if len(texts) != len(found):
            raise self.error(f"'{key}' is no list of texts")
        return texts

    def error(self, problem: str) -> VerifyException:
        """The exception that says what is wrong with the attribute."""
        return VerifyException(f"{self.name}: {problem}")

    def _entry(self, key: str, kind: type[_Kind]) -> _Kind:
        table = self.attribute
        if not isinstance(table, DictionaryAttr):
            raise self.error("is no dictionary")
        entry = table.data.get(key)
        if not isinstance(entry, kind):
            missing = "is missing" if entry is None else f"is {entry}, of another type"
            raise self.error(f"'{key}' {missing}")
        return entry
