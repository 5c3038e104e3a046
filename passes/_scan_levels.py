"""How many products between recurrences each value of a scan's step waits for."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence

from xdsl.ir import Operation, SSAValue

from rnncc.dialects import nn
from rnncc.passes._batch import can_batch
from rnncc.passes._step_slices import Step


def levels_of(step: Step, layers: bool = True) -> dict[SSAValue, int]:
    """For each value of the step its level.

    An argument that carries no state has level 0. A product that could be done for all steps, but for
    the states it is computed from, lifts what it feeds by one when it is between recurrences (it
    feeds states, and no state that it is computed from waits for it), or when it feeds outputs alone,
    but through something that must be done step by step.

    Args:
        layers: whether products between recurrences lift.
    """
    scan = step.scan
    graph: dict[Hashable, list[Hashable]] = {v: [] for v in (scan.index, *scan.slice_args)}
    for op, reads in step.reads.items():
        graph[op] = [_node(v) for v in reads]
    for argument, value in zip(scan.state_args, scan.yielded_states, strict=True):
        graph[argument] = (
            [_node(value)] if _node(value) in graph or value in scan.state_args else []
        )
    by_row = scan.lens is not None
    feeding = step.feeding(scan.yielded_states)
    single = [op for op in step.varying if not can_batch(op, step.varies, by_row)]
    blocked = step.feeding(v for op in single for v in step.reads[op])
    lifting = (blocked - feeding) | (feeding if layers else set())
    levels: dict[Hashable, int] = {}
    carries: dict[Hashable, bool] = {}
    for component in components(graph):
        inside = set(component)
        before = [n for node in component for n in graph[node] if n not in inside]
        level = max((levels[n] for n in before), default=0)
        state = any(node in scan.state_args for node in component)
        carried = state or any(carries[n] for n in before)
        (first, *others) = component
        if (
            carried
            and not others
            and isinstance(first, nn.MatmulOp)
            and first in lifting
            and can_batch(first, step.varies, by_row)
        ):
            level += 1
        levels |= dict.fromkeys(component, level)
        carries |= dict.fromkeys(component, carried)
    found: dict[SSAValue, int] = {v: levels[v] for v in scan.body.block.args}
    for op in step.reads:
        found |= {result: levels[op] for result in op.results}
    return found


def _node(value: SSAValue) -> Hashable:
    """The node of the graph that a value of the step belongs to."""
    return value.owner if isinstance(value.owner, Operation) else value


def components(graph: Mapping[Hashable, Sequence[Hashable]]) -> Iterator[list[Hashable]]:
    """The strongly connected components of a graph, each after those that it points to.

    Tarjan's algorithm (1972), without recursion.
    """
    number: dict[Hashable, int] = {}
    low: dict[Hashable, int] = {}
    stack: list[Hashable] = []
    open_: set[Hashable] = set()
    for root in graph:
        if root in number:
            continue
        work = [(root, iter(graph[root]))]
        number[root] = low[root] = len(number)
        stack.append(root)
        open_.add(root)
        while work:
            node, edges = work[-1]
            following = next(edges, None)
            if following is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == number[node]:
                    component = []
                    while not component or component[-1] is not node:
                        component.append(stack.pop())
                    open_ -= set(component)
                    yield component
            elif following not in number:
                number[following] = low[following] = len(number)
                stack.append(following)
                open_.add(following)
                work.append((following, iter(graph[following])))
            elif following in open_:
                low[node] = min(low[node], number[following])
