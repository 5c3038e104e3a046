"""Which nodes are needed, which values are constants, and which sizes follow a run-time length.

The model was walked at the largest sizes and again at others. A size that is the same in every walk
is static; one that is c times a length in every walk gets that length's symbol; a constant that
differs is kept only where it is nothing but a shape that the result's type says anyway, and is
otherwise made by its node again. Whatever else differs cannot follow the length.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from rnncc.errors import ShapeError
from rnncc.frontend.from_end import from_end
from rnncc.frontend.graph import Node, Value
from rnncc.frontend.walk import RECURRENT, Walk, time_of

#: (operator, operand) whose constant only repeats what the type of the result says.
SHAPE_OPERANDS = {("Reshape", 1), ("Expand", 1), ("ConstantOfShape", 0), ("Range", 1), ("Loop", 0)}
_INDEX_OPERANDS = {("Slice", 1), ("Slice", 2), ("Gather", 1)}


class NotUniformError(Exception):
    """Something follows a length in a way that types cannot say.

    Args:
        reason: node and what differs.
        symbols: the free dimensions that it depends on.
    """

    def __init__(self, reason: str, symbols: set[str]):
        super().__init__(reason)
        self.reason = reason
        self.symbols = symbols


@dataclass
class Plan:
    """What is to be built.

    Attributes:
        needed: keys of the nodes to build.
        symbols: value key -> free dimension that each size follows, "" where static.
        made: keys of constant values that a node makes because they follow a length.
        operands: (node key, operand) -> array to use instead, None to leave the operand out.
        trips: Loop node key -> free dimension that its number of iterations is.
    """

    needed: set[tuple] = field(default_factory=set)
    symbols: dict[tuple, tuple[str, ...]] = field(default_factory=dict)
    made: set[tuple] = field(default_factory=set)
    operands: dict[tuple[tuple, int], np.ndarray | None] = field(default_factory=dict)
    trips: dict[tuple, str] = field(default_factory=dict)


def make_plan(base: Walk, others: list[Walk]) -> Plan:
    """The plan for a model walked at its largest sizes (`base`) and at `others`.

    Raises:
        ShapeError: the size of something that is needed depends on data.
        NotUniformError: something cannot follow a length; never without `others`.
    """
    return _Planner(base, others).run()


class _Planner:
    def __init__(self, base: Walk, others: list[Walk]):
        self.base, self.others = base, others
        self.plan = Plan()
        self.stack: list[Value] = []

    def run(self) -> Plan:
        for value in self.base.region.arguments:
            self._type(value)
        self.stack.extend(self.base.region.results)
        while self.stack:
            value = self.stack.pop()
            if value.key not in self.plan.symbols:
                self._demand(value)
        return self.plan

    def _fail(self, reason: str, differing: list[Walk]) -> NotUniformError:
        symbols = {
            s for w in differing for s, size in w.sizes.items() if size != self.base.sizes[s]
        }
        return NotUniformError(reason, symbols)

    def _counterparts(self, value: Value) -> list[Value]:
        found = [w.values().get(value.key) for w in self.others]
        lost = [w for w, v in zip(self.others, found, strict=True) if v is None]
        if lost:
            raise self._fail(f"whether {_name(value)} is computed depends on the length", lost)
        return [v for v in found if v is not None]

    def _type(self, value: Value) -> list[Value]:
        """Settle the symbols of a value; gives its counterparts in the other walks."""
        others = self._counterparts(value)
        if value.known_shape is None:
            raise ShapeError(
                f"the shape of {_name(value)} depends on data",
                "where a graph input decides it, give that input a constant value",
            )
        symbols = []
        for axis, size in enumerate(value.known_shape):
            there: list[int | None] = []
            for walk, other in zip(self.others, others, strict=True):
                if other.shape is None or len(other.shape) != len(value.known_shape):
                    raise self._fail(f"the rank of {_name(value)} depends on the length", [walk])
                there.append(other.shape[axis])
            symbols.append(self._symbol(size, there, f"axis {axis} of {_name(value)}"))
        self.plan.symbols[value.key] = tuple(symbols)
        return others

    def _symbol(self, size: int | None, there: list[int | None], what: str) -> str:
        """The free dimension that a size follows, "" for none."""
        changed = [w for w, n in zip(self.others, there, strict=True) if n != size]
        if not changed:
            return ""
        error = self._fail(f"the size of {what} is no multiple of the length", changed)
        if len(error.symbols) != 1 or not size:
            raise error
        (symbol,) = error.symbols
        factor, rest = divmod(size, self.base.sizes[symbol])
        for walk, n in zip(self.others, there, strict=True):
            if rest or n != factor * walk.sizes[symbol]:
                raise error
        return symbol

    def _demand(self, value: Value) -> None:
        others = self._type(value)
        if value.array is not None:
            differing = [
                w
                for w, o in zip(self.others, others, strict=True)
                if o.array is None or not _same(value.array, o.array)
            ]
            if not differing:
                return
            if value.node is None:
                raise self._fail(f"the constant {_name(value)} depends on the length", differing)
            if value.node.op_type in ("Shape", "Size"):
                raise self._fail("the length is used as a number, not as a shape", differing)
            self.plan.made.add(value.key)
        if value.node is not None:
            self._need(value.node)

    def _need(self, node: Node) -> None:
        if node.key in self.plan.needed:
            return
        self.plan.needed.add(node.key)
        twins = [w.nodes().get(node.key) for w in self.others]
        for walk, twin in zip(self.others, twins, strict=True):
            if twin is None or _operands(twin) != _operands(node):
                raise self._fail(f"{node.where}: what it computes depends on the length", [walk])
        same = [t for t in twins if t is not None]
        for index, operand in enumerate(node.inputs):
            if operand is None:
                continue
            try:
                if not self._as_shape(node, same, index):
                    self.stack.append(operand)
            except NotUniformError as error:
                raise NotUniformError(f"{node.where}: {error.reason}", error.symbols) from None
        for output in node.outputs:
            if output is not None and output.key not in self.plan.symbols:
                if output.array is not None:
                    self.plan.made.add(output.key)
                self._type(output)
        if node.op_type == "Loop":
            symbol = self._symbol(node.trips, [t.trips for t in same], f"the steps of {node.where}")
            if symbol:
                if node.trips != self.base.sizes[symbol]:
                    raise self._fail(f"{node.where}: its steps are a multiple of the length", [])
                self.plan.trips[node.key] = symbol
        for region in node.regions.values():
            for argument in region.arguments:
                self._type(argument)
            self.stack.extend(region.results)

    def _as_shape(self, node: Node, twins: list[Node], index: int) -> bool:
        """Whether a constant operand may differ; notes what to put in its place."""
        operand = node.inputs[index]
        values = [t.inputs[index] for t in twins]
        arrays = [v.array for v in values if v is not None and v.array is not None]
        if operand is None or operand.array is None or len(arrays) != len(twins):
            return False
        if all(_same(operand.array, a) for a in arrays):
            return False
        place = (node.op_type, index)
        if place in SHAPE_OPERANDS:
            self.plan.operands[node.key, index] = operand.array
            return True
        if place in _INDEX_OPERANDS:
            replaced = from_end(node, twins, index)
            if replaced is None:
                raise self._fail("an index depends on the length", self.others)
            self.plan.operands[node.key, index] = replaced
            return True
        if node.op_type in RECURRENT and index == 4 and all(map(_full, [node, *twins])):
            self.plan.operands[node.key, index] = None
            return True
        return False


def _name(value: Value) -> str:
    node = f" of {value.node.where}" if value.node is not None else ""
    return f"'{value.name}'{node}"


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    if a is b:
        return True
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.__array_interface__["data"] == b.__array_interface__["data"] and a.strides == b.strides:
        return True
    return bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))


def _operands(node: Node) -> tuple:
    return (node.op_type, *(None if v is None else v.key for v in node.inputs))


def _full(node: Node) -> bool:
    lengths = node.inputs[4]
    return (
        lengths is not None
        and lengths.array is not None
        and bool(np.all(lengths.array == time_of(node)))
    )
