"""How often a Loop can run at most, from a counter that its condition compares with a constant.

``while i < 20 and norm < 60`` ends after twenty iterations whatever the norm is. A counter is the
iteration number, or a state of one element that each iteration raises by a constant.
"""

from __future__ import annotations

from dataclasses import dataclass

from rnncc.frontend.graph import Region, Value

PASSING = frozenset({"Cast", "Squeeze", "Unsqueeze", "Reshape", "Identity"})


@dataclass(frozen=True)
class _Line:
    """``start + step * t + offset`` in iteration t, of the argument with this number."""

    argument: int
    offset: int


def most_iterations(body: Region, inits: list[Value]) -> int | None:
    """The largest number of iterations; None when the condition does not say.

    Args:
        body: of the Loop: arguments (number, condition, states), results (condition, states, ...).
        inits: the states before the first iteration.
    """
    return _bound(body, inits, body.results[0])


def _bound(body: Region, inits: list[Value], condition: Value) -> int | None:
    node = condition.node
    if node is None or any(v is None for v in node.inputs):
        return None
    operands = [v for v in node.inputs if v is not None]
    if node.op_type in PASSING:
        return _bound(body, inits, operands[0])
    if node.op_type == "And":
        found = [b for v in operands if (b := _bound(body, inits, v)) is not None]
        return min(found, default=None)
    if node.op_type in ("Less", "LessOrEqual"):
        return _iterations(body, inits, operands[0], operands[1], node.op_type.endswith("Equal"))
    if node.op_type in ("Greater", "GreaterOrEqual"):
        return _iterations(body, inits, operands[1], operands[0], node.op_type.endswith("Equal"))
    return None


def _iterations(
    body: Region, inits: list[Value], counter: Value, limit: Value, equal: bool
) -> int | None:
    """Iterations of a loop that goes on while ``counter < limit`` (or ``<=``) behind each."""
    line, most = _line(body, counter), _number(limit)
    if line is None or most is None:
        return None
    if line.argument == 0:
        start, step = 0, 1
    else:
        first = _number(inits[line.argument - 2])
        after = _line(body, body.results[line.argument - 1])
        if first is None or after is None or after.argument != line.argument or after.offset < 1:
            return None
        start, step = first, after.offset
    room = most + equal - line.offset - start
    return 1 + max(0, -(-room // step))


def _line(body: Region, value: Value) -> _Line | None:
    """A value as an argument of the body plus a constant."""
    for number, argument in enumerate(body.arguments):
        if value is argument:
            whole = value.element in (6, 7) and number != 1
            return _Line(number, 0) if whole else None
    node = value.node
    if node is None or value.element not in (6, 7):
        return None
    operands = [v for v in node.inputs if v is not None]
    if node.op_type in PASSING:
        return _line(body, operands[0])
    if node.op_type not in ("Add", "Sub"):
        return None
    a, b = operands
    if node.op_type == "Add" and _number(a) is not None:
        a, b = b, a
    line, number = _line(body, a), _number(b)
    if line is None or number is None:
        return None
    return _Line(line.argument, line.offset + (number if node.op_type == "Add" else -number))


def _number(value: Value) -> int | None:
    """The whole number that a constant of one element is."""
    if value.array is None or value.array.size != 1 or value.array.dtype.kind not in "iu":
        return None
    return int(value.array.reshape(-1)[0])
