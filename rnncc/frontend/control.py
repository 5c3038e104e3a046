"""If, Loop and Scan: the sub-graphs become regions with known types, or fold away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import GraphProto, TensorProto

from rnncc.errors import ModelError, UnsupportedError
from rnncc.frontend.bounds import most_iterations
from rnncc.frontend.graph import Node, Region, Scope, Shape, Value

if TYPE_CHECKING:
    from rnncc.frontend.trace import Tracer


MOST_ROWS = 1 << 24
"""Largest trip count that is taken for one: exporters write the largest integer for a loop without."""


def trace_control(tracer: Tracer, node: Node, scope: Scope, region: Region) -> None:
    """Take a node with sub-graphs.

    Raises:
        ModelError: the number or the types of a sub-graph's inputs and outputs do not fit.
        UnsupportedError: a state or a branch whose shape is not fixed.
    """
    graphs = {a.name: a.g for a in node.proto.attribute if a.type == a.GRAPH}
    if node.op_type == "If":
        _if(tracer, node, graphs, scope, region)
    elif node.op_type == "Loop":
        _loop(tracer, node, graphs["body"], scope, region)
    else:
        _scan(tracer, node, graphs["body"], scope, region)


def _body(
    tracer: Tracer,
    node: Node,
    graph: tuple[str, GraphProto],
    scope: Scope,
    arguments: list[tuple[int, Shape, np.ndarray | None]],
) -> Region:
    """Walk a sub-graph as a region whose arguments have these types (or are constant)."""
    name, sub = graph
    if len(sub.input) != len(arguments):
        raise ModelError(
            f"{node.where}: its {name} has {len(sub.input)} inputs, {len(arguments)} are given"
        )
    inner = Scope(scope)
    region = Region((*node.key, name), parent=node.home)
    for index, (formal, kind) in enumerate(zip(sub.input, arguments, strict=True)):
        value = Value((*region.key, "argument", index), formal.name, *kind)
        region.arguments.append(value)
        inner.values[formal.name] = value
    region.results = tracer.graph(sub, inner, region, region.key)
    for value in region.results:
        value.refuse_counted(node)
    node.regions[name] = region
    return region


def _if(
    tracer: Tracer, node: Node, graphs: dict[str, GraphProto], scope: Scope, region: Region
) -> None:
    condition = node.inputs[0]
    assert condition is not None
    if condition.array is not None:
        # The other branch is never looked at: exporters leave ill-typed ones behind.
        name = "then_branch" if condition.array.reshape(-1)[0] else "else_branch"
        results = tracer.graph(graphs[name], Scope(scope), region, (*node.key, name))
        for output, value in zip(node.proto.output, results, strict=True):
            if output:
                scope.values[output] = value
        return
    chosen = [
        _body(tracer, node, (name, graphs[name]), scope, []).results
        for name in ("then_branch", "else_branch")
    ]
    types: list[tuple[int, Shape] | None] = []
    for a, b in zip(*chosen, strict=True):
        if (a.element, a.shape) != (b.element, b.shape):
            raise UnsupportedError(
                f"{node.where}: its branches give '{a.name}' {_type(a)} and '{b.name}' {_type(b)},"
                " and which one is taken is not known at compile time"
            )
        types.append((a.element, a.shape))
    tracer.finish(node, types, scope, region)


def _type(value: Value) -> str:
    from rnncc.frontend.trace import element_name

    return f"{element_name(value)}{list(value.shape or ())}"


def _check_state(node: Node, before: Value, after: Value) -> None:
    if before.element != after.element or before.shape != after.shape:
        raise UnsupportedError(
            f"{node.where}: its state '{before.name}' changes from {_type(before)} to {_type(after)}"
        )


def _loop(tracer: Tracer, node: Node, graph: GraphProto, scope: Scope, region: Region) -> None:
    trips, condition, *states = (*node.inputs, None, None)[: max(len(node.inputs), 2)]
    carried = [s for s in states if s is not None]
    # While the body runs its condition is true.
    arguments: list[tuple[int, Shape, np.ndarray | None]] = [
        (TensorProto.INT64, (), None),
        (TensorProto.BOOL, (), np.array(True)),
        *((s.element, s.shape, None) for s in carried),
    ]
    if trips is not None and trips.array is not None:
        tracer.limits[(*node.key, "body", "argument", 0)] = int(trips.array.reshape(-1)[0])
    body = _body(tracer, node, ("body", graph), scope, arguments)
    again, *after = body.results
    if len(node.proto.output) > len(after) or len(after) < len(carried):
        raise ModelError(f"{node.where}: its body has {len(body.results)} outputs")
    for before, now in zip(carried, after, strict=False):
        _check_state(node, before, now)
    start = True if condition is None else condition.array
    always = again.array is not None and bool(again.array.reshape(-1)[0])
    if start is not None and not np.all(start):
        node.trips = 0
    elif start is not None and always and trips is not None and trips.array is not None:
        node.trips = max(0, int(trips.array.reshape(-1)[0]))
    if node.trips is None:
        node.most = _most(trips, body, carried)
    rows = node.most if node.trips is None else node.trips
    types: list[tuple[int, Shape] | None] = [(s.element, s.shape) for s in carried]
    for value in after[len(carried) :]:
        shape = None if value.shape is None else (rows, *value.shape)
        types.append((value.element, shape))
    tracer.finish(node, types, scope, region)
    for output in node.outputs[len(carried) :]:
        if output is not None and node.most is not None:
            output.counted = True


def _most(trips: Value | None, body: Region, carried: list[Value]) -> int | None:
    """The largest number of iterations of a loop that ends at run time, where something says it."""
    found = most_iterations(body, carried)
    if trips is not None and trips.array is not None:
        count = max(0, int(trips.array.reshape(-1)[0]))
        if count <= MOST_ROWS:
            return count if found is None else min(found, count)
    return found if found is not None and found <= MOST_ROWS else None


def _scan(tracer: Tracer, node: Node, graph: GraphProto, scope: Scope, region: Region) -> None:
    old = node.version == 8
    entries = [v for v in (node.inputs[1:] if old else node.inputs) if v is not None]
    count = int(node.attributes["num_scan_inputs"])
    if not 0 < count <= len(entries):
        raise ModelError(f"{node.where}: num_scan_inputs is {count}, it has {len(entries)} inputs")
    states, scanned = entries[: len(entries) - count], entries[len(entries) - count :]
    axes = [1] * count if old else list(node.attributes.get("scan_input_axes") or [0] * count)
    arguments: list[tuple[int, Shape, np.ndarray | None]] = []
    for state in states:
        shape = state.shape[1:] if old and state.shape is not None else state.shape
        arguments.append((state.element, shape, None))
    steps: set[int | None] = set()
    for value, axis in zip(scanned, axes, strict=True):
        shape = value.shape
        if shape is None or not -len(shape) <= axis < len(shape):
            raise ModelError(f"{node.where}: '{value.name}' {_type(value)} has no axis {axis}")
        axis %= len(shape)  # noqa: PLW2901
        steps.add(shape[axis])
        rest = shape[:axis] + shape[axis + 1 :]
        arguments.append((value.element, rest[1:] if old else rest, None))
    if len(steps) != 1:
        raise ModelError(
            f"{node.where}: its scan inputs have the lengths {sorted(map(str, steps))}"
        )
    node.trips = steps.pop()
    body = _body(tracer, node, ("body", graph), scope, arguments)
    types: list[tuple[int, Shape] | None] = []
    for before, argument, now in zip(states, body.arguments, body.results, strict=False):
        _check_state(node, argument, now)
        types.append((before.element, before.shape))
    outputs = body.results[len(states) :]
    places = node.attributes.get("scan_output_axes") or [0] * len(outputs)
    batch = (entries[0].shape or (None,))[:1] if old else ()
    for value, place in zip(outputs, [0] * len(outputs) if old else places, strict=True):
        rest = value.shape
        if rest is not None:
            place %= len(rest) + 1  # noqa: PLW2901
            rest = (*batch, *rest[:place], node.trips, *rest[place:])
        types.append((value.element, rest))
    tracer.finish(node, types, scope, region)
