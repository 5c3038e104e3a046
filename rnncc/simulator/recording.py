"""A clockwork that writes down what it does: one record an engine's instruction."""

from __future__ import annotations

from dataclasses import dataclass, field

from rnncc.errors import SimulationError
from rnncc.machine.description import MachineDescription
from rnncc.simulator.clockwork import MATRIX, STALLS, VECTOR, Clockwork
from rnncc.simulator.shape import LOCAL, WRITES, Timed


@dataclass(slots=True)
class Event:
    """One execution of an engine's instruction; all times are cycles.

    Attributes:
        timed: what was executed.
        addresses: byte address of each operand.
        lane: the channel of the DMA engine (with ``dma.duplex``, those of writes come last), the place in its chain on
            a ``chain`` vector engine; 0 for engines that have one server.
        sent: when the dispatcher put it into its engine's queue.
        start: when the engine took it; of a product whose first weights came while the one before it still streamed,
            when the array was free for it.
        ends: when the engine was free for the next one.
        done: when all of its result could be read.
        waits: cycles waited by cause, for those of ``STALLS`` that are not 0.
    """

    timed: Timed
    addresses: tuple[int, ...]
    lane: int
    sent: int
    start: int
    ends: int
    done: int
    waits: dict[str, int] = field(default_factory=dict)


class RecordingClock(Clockwork):
    """Records each instruction that it times, in the order of dispatch.

    Args:
        machine: which machine.
        limit: instructions after which the record counts as too long.

    Attributes:
        events: the record.
        controls: (from, to, operation) of what the dispatcher executes itself; a wait for a scalar is ``sync``.

    Raises:
        SimulationError: from ``issue``, when the limit is reached.
    """

    def __init__(self, machine: MachineDescription, limit: int):
        super().__init__(machine)
        self.limit = limit
        self.events: list[Event] = []
        self.controls: list[tuple[int, int, str]] = []

    def issue(self, timed: Timed, addresses: tuple[int, ...]) -> tuple[int, int]:
        """As ``Clockwork.issue``, and written down."""
        if len(self.events) >= self.limit:
            raise SimulationError(
                f"the run has more than {self.limit:,} instructions: too many to record",
                "record a shorter run, with --length or a smaller --shape",
            )
        before, stalls = list(self.free[timed.lane]), list(self.stalls)
        start, done = super().issue(timed, addresses)
        after = self.free[timed.lane]
        server = next((n for n, free in enumerate(before) if free != after[n]), 0)
        lane = server + len(before) * self._queue(timed.lane)
        if timed.engine == MATRIX:
            start = max(start, before[server])
        elif timed.engine == VECTOR and self.chain is not None:
            lane = self.chain.links - 1
        waits = {
            name: now - before
            for name, now, before in zip(STALLS, self.stalls, stalls, strict=True)
            if now != before
        }
        self.events.append(
            Event(timed, addresses, lane, self.now, start, after[server], done, waits)
        )
        return start, done

    def _queue(self, lane: int) -> int:
        """Which of the queues that its engine has a lane is."""
        dma = self.machine.dma
        has = {WRITES: dma.duplex, LOCAL: dma.local}
        return sum(has.get(other, True) for other in range(WRITES, lane + 1))

    def sync(self, memory: int, span: tuple[int, int, int, int]) -> None:
        """As ``Clockwork.sync``, and written down."""
        before = self.now
        super().sync(memory, span)
        if self.now > before:
            self.controls.append((before, self.now, "sync"))

    def step(self, op: str) -> None:
        """As ``Clockwork.step``, and written down."""
        before = self.now
        super().step(op)
        if self.now > before:
            self.controls.append((before, self.now, op))
