"""How much on-chip memory an order of issue keeps live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xdsl.ir import SSAValue

from rnncc.dialects import npu
from rnncc.passes._dependence import Node


class Pressure:
    """Live bytes of the buffers that one block alone uses, as its nodes are issued.

    The limit is what the memory has left beside all other buffers, but never less than the
    original order needs: scheduling may not cause a spill, and need not cure one.
    """

    def __init__(
        self, graph: Sequence[Node], local: set[SSAValue], room: Mapping[str, int], tight: bool
    ):
        """Account for a block.

        Args:
            graph: its nodes.
            local: buffers whose contents live inside one run of the block.
            room: bytes of each on-chip memory for the local buffers.
            tight: allow no more than the original order needs.
        """
        self.sizes = {b: npu.byte_size(b) for b in local if npu.memory_of(b) in room}
        self.touches = [[b for b in node.buffers if b in self.sizes] for node in graph]
        self.reset()
        self.limit = dict(room)
        for number in range(len(graph)):
            self.issue(number)
        self.limit = {m: self.peak[m] if tight else max(room[m], self.peak[m]) for m in room}
        self.reset()

    def reset(self) -> None:
        """Nothing is issued yet."""
        self.left: dict[SSAValue, int] = {}
        for buffers in self.touches:
            for buffer in buffers:
                self.left[buffer] = self.left.get(buffer, 0) + 1
        self.live: dict[str, int] = {"wmem": 0, "vmem": 0}
        self.peak: dict[str, int] = {"wmem": 0, "vmem": 0}
        self.begun: set[SSAValue] = set()

    def fits(self, number: int) -> bool:
        """Whether issuing a node keeps the live bytes within the limit."""
        for buffer in self.touches[number]:
            if buffer in self.begun:
                continue
            memory = npu.memory_of(buffer)
            if self.live[memory] + self.sizes[buffer] > self.limit[memory]:
                return False
        return True

    def issue(self, number: int) -> None:
        """Note that a node is issued: buffers come to life and, after their last node, die."""
        for buffer in self.touches[number]:
            if buffer not in self.begun:
                self.begun.add(buffer)
                memory = npu.memory_of(buffer)
                self.live[memory] += self.sizes[buffer]
                self.peak[memory] = max(self.peak[memory], self.live[memory])
        for buffer in self.touches[number]:
            self.left[buffer] -= 1
            if not self.left[buffer]:
                self.live[npu.memory_of(buffer)] -= self.sizes[buffer]
