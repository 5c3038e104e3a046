"""Numeric attributes of the npu dialect: their values and their text."""

from __future__ import annotations

from math import isfinite

from xdsl.dialects.builtin import (
    FloatAttr,
    IntegerAttr,
    f64,
    i64,
)
from xdsl.ir import Attribute
from xdsl.parser import Parser


def number(value: float | None) -> Attribute | None:
    """A float attribute for an optional parameter."""
    return None if value is None else FloatAttr(float(value), f64)


def number_value(attribute: Attribute | None, default: float = 0.0) -> float:
    """The Python number in an optional numeric property."""
    if attribute is None:
        return default
    return attribute.value.data  # type: ignore[attr-defined]


def number_attribute(value: float) -> Attribute:
    return IntegerAttr(value, i64) if isinstance(value, int) else FloatAttr(value, f64)


def number_text(attribute: Attribute) -> str:
    value = number_value(attribute)
    if isinstance(value, int):
        return str(value)
    if not isfinite(value):
        return str(value)  # inf, -inf, nan
    return repr(value) if "." in repr(value) else f"{value:.17e}"


def parse_number_attribute(parser: Parser) -> Attribute:
    negative = parser.parse_optional_punctuation("-") is not None
    for word in ("inf", "nan"):
        if parser.parse_optional_keyword(word):
            return FloatAttr(-float(word) if negative else float(word), f64)
    value = parser.parse_number()
    return number_attribute(-value if negative else value)
