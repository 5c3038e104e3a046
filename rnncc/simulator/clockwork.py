"""The machine's clock: when each instruction is dispatched, starts and finishes.

Dispatch is in order, ``dispatch_cycles`` apart, into a queue for each engine; an instruction leaves its queue
when it starts, so it can be dispatched once the one ``queue_depth`` places before it has started. Each engine
takes its queue in order. The DMA engine is one queue served by ``channels`` servers: transfers start in order,
each on the channel that is free first, and share one data path; with ``dma.duplex``, writes to DRAM have such
a queue, channels and data path of their own, and with a link to the host each of its ways. An instruction starts
when its engine is free and

* RAW: everything it reads is complete, or, where both the machine chains and the instruction streams, the first
  elements are out; it then holds its engine until the producer is done and finishes its own depth later;
* WAR: readers of what it overwrites have taken their input;
* WAW: writers of what it overwrites are complete (a producer that it chains on excepted: same order).

Products that add to the same sums follow one another without waiting: sums are added at the end of the array's
pipeline, in order.

On a machine with a ``chain`` vector engine an instruction either joins the chain in flight or waits for its end
(``rnncc.simulator.chain``); on a bulk-synchronous one, results pass from engine to engine at barriers
(``rnncc.simulator.supersteps``). An array with a second weight buffer takes an instruction's first weights while the
one before it still streams: only its weights must be there by then.

Accesses that ended before the dispatch clock cannot delay anything and are forgotten.
"""

from __future__ import annotations

from collections import deque

from rnncc.cost import control_cycles
from rnncc.machine.description import MachineDescription
from rnncc.simulator.chain import Chain
from rnncc.simulator.footprint import overlap
from rnncc.simulator.live import Live, Lives, reads_of, remember, unfinished
from rnncc.simulator.shape import ENGINE_IDS, ENGINE_NAMES, LANES, MEMORY_IDS, Timed
from rnncc.simulator.supersteps import Supersteps

STALLS = ("raw", "war", "waw", "engine", "bandwidth", "chain", "queue", "sync", "barrier")
"""Causes of waiting: three hazards, the engine busy with earlier work, the DMA data path taken, a chained producer
slower than its consumer, a full queue, the dispatcher waiting for a scalar it reads, a bulk-synchronous barrier."""

ARRAY = ("active", "weight_stall", "weight_shift")
"""What the matrix engine's array does: multiply; wait, with a product at hand, for its weights; shift weights in."""

MANY = 64
"""Reads of a memory kept before the ended ones among them are dropped; at least twice those that had not ended."""

RAW, WAR, WAW, ENGINE, BANDWIDTH, CHAIN, QUEUE, SYNC, BARRIER = range(len(STALLS))
MATRIX, VECTOR = ENGINE_IDS["matrix"], ENGINE_IDS["vector"]
WMEM, VMEM = MEMORY_IDS["wmem"], MEMORY_IDS["vmem"]


LANE_ENGINES = (*ENGINE_NAMES, *["dma"] * (LANES - len(ENGINE_NAMES)))
"""The engine of each queue."""


class Clockwork:
    """The state of the machine between two instructions.

    Args:
        machine: which machine.

    Attributes:
        now: the dispatch clock, cycles.
        counts: executions by ``Timed.number``.
        stalls: cycles waited by cause, in the order of ``STALLS``.
        control: control instructions executed.
        array: cycles of the matrix engine by what it does, in the order of ``ARRAY``.
        chain, supersteps: see their modules; None on machines without.
    """

    def __init__(self, machine: MachineDescription):
        self.machine = machine
        self.now = 0
        self.counts: list[int] = []
        self.stalls = [0] * len(STALLS)
        self.control = 0
        self.control_busy = 0
        channels = [0] * machine.dma.channels
        self.free = [list(channels), [0], [0], *(list(channels) for _ in range(3, LANES))]
        self.started = [0] * LANES
        self.path = [0] * len(self.free)
        self.array = [0] * len(ARRAY)
        self.swap = 0
        """When the array last took over weights from its second buffer."""
        self.chain = Chain(machine.vector) if machine.vector.kind == "chain" else None
        self.supersteps = Supersteps(machine.sync) if machine.sync.kind == "bulk" else None
        self.queues = [
            deque([0] * depth, maxlen=depth)
            for depth in (machine.control.queue_depth[name] for name in LANE_ENGINES)
        ]
        self.writes: list[Lives] = [{}, {}, {}]
        self.reads: list[Lives] = [{}, {}, {}]
        self._many = [MANY] * len(self.reads)
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
        for live in self.writes[memory].values():
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
        lane = timed.lane
        queue = self.queues[lane]
        sent = max(self.now, queue[0])
        stalls[QUEUE] += sent - self.now
        self.now = ready = sent + self._dispatch
        servers = self.free[lane]
        free = min(servers)
        chain = self.chain if engine == VECTOR else None
        base = max(ready, self.started[lane])
        if chain is None:
            # Weights for the array's second buffer may come while the first one is in use.
            base = max(base, self.swap, free - cost.load) if cost.load else max(base, free)
        stalls[ENGINE] += base - ready
        if self.supersteps is not None:
            begin = self.supersteps.enter(engine, reads_of(timed, addresses), loads=timed.loads)
            stalls[BARRIER] += max(begin - base, 0)
            base = max(base, begin)
        start, cause, held, chained, weights = self._hazards(timed, addresses, base)
        # What starts once the chain has left, because something else kept it, begins a pass of its own.
        joins = chain is not None and start < chain.done and chain.takes(timed, chained)
        if chain is not None and not joins and chain.done > start:
            start, cause = chain.done, ENGINE
        if cause >= 0:
            stalls[cause] += start - base
        queue.append(start)
        self.started[lane] = start
        ends, done, first = start + cost.busy, start + cost.last, start + cost.first
        if cost.shared:
            begin = max(ends - cost.shared, self.path[lane])
            late = begin + cost.shared - ends
            self.path[lane] = begin + cost.shared
            stalls[BANDWIDTH] += late
            ends, done, first = ends + late, done + late, first + late
        if joins:
            assert chain is not None
            done = max(ends, held, chain.done + chain.held(start))
        elif held > ends:
            stalls[CHAIN] += held - ends
            done = max(done, held + cost.tail)
            ends = held
        servers[servers.index(free)] = ends
        live = self._record(timed, addresses, (first, done, ends))
        if engine == MATRIX:
            self._array(timed, max(free, ready), start, weights)
        elif chain is not None and live is not None:
            (chain.extend if joins else chain.begin)(timed, live, done)
        while len(self.counts) <= timed.number:
            self.counts.append(0)
        self.counts[timed.number] += 1
        return start, done

    def _array(self, timed: Timed, idle: int, start: int, weights: int) -> None:
        """Account for the array from when it was idle, with this product at hand, to the product's end."""
        cost = timed.cost
        until = start + cost.load
        exposed = min(until - idle, cost.load)
        self.array[0] += cost.active
        self.array[1] += max(min(weights, until - exposed) - idle, 0)
        self.array[2] += exposed + cost.busy - cost.load - cost.active
        self.swap = start + cost.busy - cost.stream

    def _hazards(
        self, timed: Timed, addresses: tuple[int, ...], base: int
    ) -> tuple[int, int, int, list[Live], int]:
        """When hazards let it start, which one decides (or -1), until when chained producers hold it, which those
        are, and when the weights are there.
        """
        start, cause, held, now, weights = base, -1, 0, self.now, 0
        chained: list[Live] = []
        for operand, address in zip(reversed(timed.operands), reversed(addresses), strict=True):
            low, high, pitch, width = operand.shape
            if low == high:
                continue
            low, high = low + address, high + address
            span = (low, high, pitch, width)
            # Only weights are taken in the first cycles of a product.
            early = timed.cost.load if operand.memory != WMEM else 0
            writes = self.writes[operand.memory]
            stale = False
            for live in writes.values():
                if live.done <= now:
                    stale = True
                elif live.range[0] < high and low < live.range[1] and overlap(live.range, span):
                    if operand.accumulates and live.engine == MATRIX and live.range == span:
                        continue
                    if operand.reads:
                        if timed.streams:
                            chained.append(live)
                            held = max(held, live.done)
                            when = live.first
                        else:
                            when = live.done - early
                            if operand.memory == WMEM and when > weights:
                                weights = when
                        if when > start:
                            start, cause = when, RAW
                    if operand.writes and live.done - early > start and live not in chained:
                        start, cause = live.done - early, WAW
            if stale:
                self.writes[operand.memory] = unfinished(writes, now)
            if operand.writes:
                reads = self.reads[operand.memory]
                stale = False
                for live in reads.values():
                    if live.done <= now:
                        stale = True
                    elif live.done - early > start and overlap(live.range, span):
                        start, cause = live.done - early, WAR
                if stale:
                    self.reads[operand.memory] = unfinished(reads, now)
        return start, cause, held, chained, weights

    def _record(
        self, timed: Timed, addresses: tuple[int, ...], times: tuple[int, int, int]
    ) -> Live | None:
        """Remember what an instruction touches; returns the last of its writes."""
        first, done, ends = times
        written = None
        for place, (operand, address) in enumerate(zip(timed.operands, addresses, strict=True)):
            low, high, pitch, width = operand.shape
            if low == high:
                continue
            span = (low + address, high + address, pitch, width)
            if operand.writes:
                written = Live(timed, place, span, (first, done))
                remember(self.writes[operand.memory], written)
                if self.chain is not None and timed.engine != VECTOR and operand.memory == VMEM:
                    self.chain.overwritten(span)
                if self.supersteps is not None:
                    site = (timed.pc, place)
                    self.supersteps.note(
                        timed.engine, site, operand.memory, span, done, loads=timed.loads
                    )
                continue
            # Weights are in the array once their last tile streams.
            until = ends - timed.cost.stream if operand.memory == WMEM else ends
            reads = self.reads[operand.memory]
            remember(reads, Live(timed, place, span, (until, until)))
            if len(reads) > self._many[operand.memory]:
                reads = self.reads[operand.memory] = unfinished(reads, self.now)
                self._many[operand.memory] = max(MANY, 2 * len(reads))
        return written

    def finish(self) -> int:
        """Cycles until every engine is done."""
        times = [self.now, *(max(servers) for servers in self.free)]
        times += [live.done for lives in self.writes for live in lives.values()]
        return max(times)
