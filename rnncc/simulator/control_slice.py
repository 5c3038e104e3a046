"""What of a program has to be computed to know its control: for timing alone, the rest is left out.

Control depends on data where an ``s.read`` gives a number that a branch, count, extent or address uses: lengths of
rows, say. Going back from those reads, an instruction is needed when it may write what a needed one reads: their
memory ranges overlap, and it comes before or shares a loop with it. Ranges are those of all iterations; where an index
register is not known in advance, the whole memory or segment. So the slice may be too large, never too
small.
"""

from __future__ import annotations

from bisect import bisect_right

from rnncc.isa.instruction import Instruction
from rnncc.isa.table import INSTRUCTIONS
from rnncc.isa.types import ITEM_SIZES
from rnncc.program import Program
from rnncc.program.control import check_control
from rnncc.program.ranges import footprint
from rnncc.simulator.register_range import RegisterRanges

LARGEST = 20_000
"""Instructions beyond which everything is computed: looking for the slice would take longer."""
_KEY = "simulator.control_slice"

Region = tuple[str, int, int]
"""Memory, first byte, byte after the last."""


def control_slice(program: Program) -> frozenset[int] | None:
    """Numbers of the tensor instructions that the program's scalar reads need; None for all of them."""
    if _KEY not in program.cache:
        small = len(program.instructions) <= LARGEST and not program.hosts
        program.cache[_KEY] = _Slicer(program).needed() if small else None
    return program.cache[_KEY]


class _Slicer:
    def __init__(self, program: Program):
        self.program = program
        self.instructions = program.instructions
        nests = [nest.loops for nest in check_control(program)]
        self.loops = [set(loops) for loops in nests]
        self.ranges = RegisterRanges(program, nests)
        self.segments = sorted(program.segments, key=lambda segment: segment.address)
        self.starts = [segment.address for segment in self.segments]

    def needed(self) -> frozenset[int]:
        """The slice."""
        writers = [
            (number, region)
            for number, item in enumerate(self.instructions)
            for region in self._regions(number, item, writes=True)
        ]
        found: set[int] = set()
        pending = [number for number, item in enumerate(self.instructions) if item.op == "s.read"]
        while pending:
            reader = pending.pop()
            reads = self._regions(reader, self.instructions[reader], writes=False)
            for number, region in writers:
                if number in found or not self._reaches(number, reader):
                    continue
                if any(_overlap(region, read) for read in reads):
                    found.add(number)
                    pending.append(number)
        return frozenset(found)

    def _reaches(self, writer: int, reader: int) -> bool:
        """Whether the reader may run after the writer."""
        return writer < reader or bool(self.loops[writer] & self.loops[reader])

    def _regions(self, number: int, item: Instruction, *, writes: bool) -> list[Region]:
        spec = INSTRUCTIONS[item.op]
        regions = []
        for position, (operand, described) in enumerate(
            zip(item.operands, spec.operands, strict=True)
        ):
            if not (described.writes if writes else described.reads):
                continue
            extents = self._extents(number, item, described.name)
            index = self.ranges.of(number, operand.index)
            if extents is None or index is None:
                regions.append(self._whole(operand.memory, operand.base))
                continue
            item_size = ITEM_SIZES[item.types[position]]
            ends = [
                footprint(operand, described.axes, extents, item_size, value) for value in index
            ]
            low, high = min(e[0] for e in ends), max(e[1] for e in ends)
            regions.append((operand.memory, low, high))
        return regions

    def _extents(self, number: int, item: Instruction, name: str) -> tuple[int, int, int] | None:
        values = []
        for extent in item.extents:
            if extent.reg == 0:
                values.append(extent.value)
                continue
            known = self.ranges.of(number, extent.reg)
            if known is None:
                return None
            values.append(max(0, extent.value * known[0], extent.value * known[1]))
        if item.op == "gather" and name == "table":
            values[0] = int(item.imm[0])
        return values[0], values[1], values[2]

    def _whole(self, memory: str, base: int) -> Region:
        if memory != "dram":
            return memory, 0, self.program.capacity(memory)
        segment = self.segments[max(0, bisect_right(self.starts, base) - 1)]
        return memory, segment.address, segment.end


def _overlap(a: Region, b: Region) -> bool:
    return a[0] == b[0] and a[1] < b[2] and b[1] < a[2]
