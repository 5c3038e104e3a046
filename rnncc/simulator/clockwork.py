"""The machine's clock: when each instruction is dispatched, starts and finishes.

Dispatch is in order, ``dispatch_cycles`` apart, into a queue for each engine; an instruction leaves its queue
when it starts, so it can be dispatched once the one ``queue_depth`` places before it has started. Each engine
takes its queue in order. The DMA engine is one queue served by ``channels`` servers: transfers start in order,
each on the channel that is free first, and share one data path. An instruction starts when its engine is free and

* RAW: everything it reads is complete, or, where both the machine chains and the instruction streams, the first
  elements are out; it then holds its engine until the producer is done and finishes its own depth later;
* WAR: readers of what it overwrites have taken their input;
* WAW: writers of what it overwrites are complete (a producer that it chains on excepted: same order).

Accesses that ended before the dispatch clock cannot delay anything and are forgotten.
"""

from __future__ import annotations

from collections import deque

from rnncc.cost import control_cycles
from rnncc.machine.description import MachineDescription
from rnncc.simulator.footprint import overlap
from rnncc.simulator.shape import ENGINE_NAMES, Timed

STALLS = ("raw", "war", "waw", "engine", "bandwidth", "chain", "queue", "sync")
"""Causes of waiting: three hazards, the engine busy with earlier work, the DMA data path taken, a chained producer
slower than its consumer, a full queue, the dispatcher waiting for a scalar it reads."""

MANY = 64
"""Reads kept before the ended ones among them are dropped."""

RAW, WAR, WAW, ENGINE, BANDWIDTH, CHAIN, QUEUE, SYNC = range(len(STALLS))


class Live:
    """One access that later instructions may have to wait for.

    Attributes:
        pc, place: instruction and operand number, for recognising it an iteration later.
        range: (low, high, pitch, width) in bytes of its memory.
        first: when its first elements are out (writes).
        done: when it is over.
    """

    __slots__ = ("done", "first", "pc", "place", "range")

    def __init__(
        self, pc: int, place: int, span: tuple[int, int, int, int], times: tuple[int, int]
    ):
        self.pc = pc
        self.place = place
        self.range = span
        self.first, self.done = times


class Clockwork:
    """The state of the machine between two instructions.

    Args:
        machine: which machine.

    Attributes:
        now: the dispatch clock, cycles.
        counts: executions by ``Timed.number``.
        stalls: cycles waited by cause, in the order of ``STALLS``.
        control: control instructions executed.
    """

    def __init__(self, machine: MachineDescription):
        self.machine = machine
        self.now = 0
        self.counts: list[int] = []
        self.stalls = [0] * len(STALLS)
        self.control = 0
        self.control_busy = 0
        self.free = [[0] * machine.dma.channels, [0], [0]]
        self.started = [0, 0, 0]
        self.path = 0
        self.queues = [
            deque([0] * depth, maxlen=depth)
            for depth in (machine.control.queue_depth[name] for name in ENGINE_NAMES)
        ]
        self.writes: list[list[Live]] = [[], [], []]
        self.reads: list[list[Live]] = [[], [], []]
        self._dispatch = machine.control.dispatch_cycles
        self._cycles: dict[str, int] = {}

    def step(self, op: str) -> None:
        """A control instruction: it executes in the dispatcher."""
        cycles = self._cycles.get(op)
        if cycles is None:
            cycles = self._cycles[op] = control_cycles(self.machine, op)
        self.control += 1
        self.control_busy += cycles
        self.now += cycles

    def sync(self, memory: int, span: tuple[int, int, int, int]) -> None:
        """Wait until every write of a range is complete (before an ``s.read``)."""
        ready = self.now
        for live in self.writes[memory]:
            if live.done > ready and overlap(live.range, span):
                ready = live.done
        self.stalls[SYNC] += ready - self.now
        self.now = ready

    def issue(self, timed: Timed, addresses: tuple[int, ...]) -> tuple[int, int]:
        """Dispatch an instruction.

        Args:
            timed: the instruction.
            addresses: byte address of each operand.

        Returns: when it starts and when it is done.
        """
        engine, cost, stalls = timed.engine, timed.cost, self.stalls
        queue = self.queues[engine]
        sent = max(self.now, queue[0])
        stalls[QUEUE] += sent - self.now
        self.now = ready = sent + self._dispatch
        servers = self.free[engine]
        free = min(servers)
        base = max(ready, free, self.started[engine])
        stalls[ENGINE] += base - ready
        start, cause, held = self._hazards(timed, addresses, base)
        if cause >= 0:
            stalls[cause] += start - base
        queue.append(start)
        self.started[engine] = start
        ends, done, first = start + cost.busy, start + cost.last, start + cost.first
        if cost.shared:
            begin = max(ends - cost.shared, self.path)
            late = begin + cost.shared - ends
            self.path = begin + cost.shared
            stalls[BANDWIDTH] += late
            ends, done, first = ends + late, done + late, first + late
        if held > ends:
            stalls[CHAIN] += held - ends
            done = max(done, held + cost.tail)
            ends = held
        servers[servers.index(free)] = ends
        self._record(timed, addresses, (first, done, ends))
        while len(self.counts) <= timed.number:
            self.counts.append(0)
        self.counts[timed.number] += 1
        return start, done

    def _hazards(self, timed: Timed, addresses: tuple[int, ...], base: int) -> tuple[int, int, int]:
        """When hazards let it start, which one decides (or -1), and until when chained producers hold it."""
        start, cause, held, now = base, -1, 0, self.now
        chained: list[Live] = []
        for operand, address in zip(reversed(timed.operands), reversed(addresses), strict=True):
            low, high, pitch, width = operand.shape
            if low == high:
                continue
            low, high = low + address, high + address
            span = (low, high, pitch, width)
            writes = self.writes[operand.memory]
            stale = False
            for live in writes:
                if live.done <= now:
                    stale = True
                elif live.range[0] < high and low < live.range[1] and overlap(live.range, span):
                    if operand.reads:
                        if timed.streams:
                            chained.append(live)
                            held = max(held, live.done)
                            when = live.first
                        else:
                            when = live.done
                        if when > start:
                            start, cause = when, RAW
                    if operand.writes and live.done > start and live not in chained:
                        start, cause = live.done, WAW
            if stale:
                self.writes[operand.memory] = [live for live in writes if live.done > now]
            if operand.writes:
                reads = self.reads[operand.memory]
                stale = False
                for live in reads:
                    if live.done <= now:
                        stale = True
                    elif live.done > start and overlap(live.range, span):
                        start, cause = live.done, WAR
                if stale:
                    self.reads[operand.memory] = [live for live in reads if live.done > now]
        return start, cause, held

    def _record(
        self, timed: Timed, addresses: tuple[int, ...], times: tuple[int, int, int]
    ) -> None:
        first, done, ends = times
        for place, (operand, address) in enumerate(zip(timed.operands, addresses, strict=True)):
            low, high, pitch, width = operand.shape
            if low == high:
                continue
            span = (low + address, high + address, pitch, width)
            if operand.writes:
                self.writes[operand.memory].append(Live(timed.pc, place, span, (first, done)))
                continue
            reads = self.reads[operand.memory]
            reads.append(Live(timed.pc, place, span, (ends, ends)))
            if len(reads) > MANY:
                self.reads[operand.memory] = [live for live in reads if live.done > self.now]

    def finish(self) -> int:
        """Cycles until every engine is done."""
        times = [self.now, *(max(servers) for servers in self.free)]
        times += [live.done for lives in self.writes for live in lives]
        return max(times)
