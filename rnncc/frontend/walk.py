"""One walk over the model under one choice of sizes, and the steps of its recurrences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rnncc.frontend.graph import Node, Region, Value

#: Operators whose first input has a time axis.
RECURRENT = ("LSTM", "GRU", "RNN")


@dataclass
class Walk:
    """One walk over the model: its graph and the size of each free dimension that varied."""

    region: Region
    sizes: dict[str, int]
    _values: dict[tuple, Value] | None = None
    _nodes: dict[tuple, Node] | None = None

    def nodes(self) -> dict[tuple, Node]:
        """Every node, those of regions too, by key."""
        if self._nodes is None:
            self._nodes = {n.key: n for n in all_nodes(self.region)}
        return self._nodes

    def values(self) -> dict[tuple, Value]:
        """Every value that a node, an argument or a result is, by key."""
        if self._values is None:
            found: dict[tuple, Value] = {v.key: v for v in self.region.arguments}
            found |= {v.key: v for v in self.region.results}
            for node in self.nodes().values():
                entries = [*node.inputs, *node.outputs]
                for region in node.regions.values():
                    entries += [*region.arguments, *region.results]
                found.update((v.key, v) for v in entries if v is not None)
            self._values = found
        return self._values


def all_nodes(region: Region) -> Iterator[Node]:
    """The nodes of a region and of the regions in it."""
    for node in region.nodes:
        yield node
        for inner in node.regions.values():
            yield from all_nodes(inner)


def time_of(node: Node) -> int | None:
    """The number of steps of a recurrent node, None when it is not one (or not known)."""
    if node.op_type in RECURRENT and node.inputs[0] is not None and node.inputs[0].shape:
        return node.inputs[0].shape[int(node.attributes.get("layout", 0))]
    return node.trips


def times(walk: Walk) -> dict[tuple, int | None]:
    """The number of steps of every recurrent node of a walk."""
    found = {key: time_of(node) for key, node in walk.nodes().items()}
    return {key: steps for key, steps in found.items() if steps is not None}
