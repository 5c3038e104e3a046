"""When an instruction may start and end after the one whose result it reads: the arcs of the dependence graph.

Weights are the clockwork's own, without its queues and engines: what they allow, no schedule beats. On a ``chain``
vector engine an instruction may share its producer's pass, and then ends with it; which instructions can is decided
here from their classes and elements, never from what another schedule made of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil

from rnncc.cost.vector import IN_UNITS
from rnncc.machine.description import MachineDescription
from rnncc.simulator.occupancy import pass_cost
from rnncc.simulator.shape import ENGINE_IDS, MEMORY_IDS, Timed

DMA, MATRIX, VECTOR = ENGINE_IDS["dma"], ENGINE_IDS["matrix"], ENGINE_IDS["vector"]
WMEM = MEMORY_IDS["wmem"]


@dataclass(frozen=True, slots=True)
class Arc:
    """How a consumer follows its producer.

    Attributes:
        ended: counted from the producer's end, otherwise from its start.
        cycles: from there to the consumer's start, at least.
        held: the consumer streams along: it ends no earlier than its producer.
        crosses: there is a barrier between them.
    """

    ended: bool
    cycles: int
    held: bool = False
    crosses: bool = False


class Rules:
    """The arcs on one machine.

    Args:
        machine: the machine.
        known: the instructions that the program executes; of bulk-synchronous machines, what crosses at a barrier.
    """

    def __init__(self, machine: MachineDescription, known: Sequence[Timed] = ()):
        self.machine = machine
        self.chains = machine.vector.kind == "chain"
        self._arcs: dict[tuple[int, int, int], Arc] = {}
        sync = machine.sync
        self.barrier = sync.cycles if sync.kind == "bulk" else 0
        """Cycles from the end of a result to its use by the other engine."""
        if self.barrier and sync.bytes_per_cycle and not any(timed.loads for timed in known):
            # Another instruction, which reads less, may have begun the superstep, or a load, which exchanges nothing.
            crossing = [
                access.nbytes
                for timed in known
                if timed.engine != DMA
                for operand, access in zip(timed.operands, timed.work.accesses, strict=True)
                if operand.reads and operand.memory != WMEM and access.nbytes
            ]
            self.barrier += ceil(min(crossing, default=1) / sync.bytes_per_cycle)

    def adds(self, consumer: Timed, place: int, producer: Timed) -> bool:
        """Whether the consumer adds to the producer's sums (if they are the same), which needs no waiting."""
        return consumer.operands[place].accumulates and producer.engine == consumer.engine == MATRIX

    def arc(self, consumer: Timed, place: int, producer: Timed) -> Arc:
        """The arc of an operand that reads what a producer writes."""
        key = (consumer.number, place, producer.number)
        arc = self._arcs.get(key)
        if arc is None:
            arc = self._arcs[key] = self._arc(consumer, place, producer)
        return arc

    def _arc(self, consumer: Timed, place: int, producer: Timed) -> Arc:
        if (
            self.barrier
            and producer.engine != consumer.engine
            and DMA
            not in (
                producer.engine,
                consumer.engine,
            )
        ):
            return Arc(True, self.barrier, crosses=True)
        if self._passed(consumer, producer):
            return Arc(True, 0)
        if consumer.streams:
            return Arc(False, producer.cost.first, held=True)
        # Only weights are taken in the first cycles of a product.
        return Arc(True, -(consumer.cost.load if consumer.operands[place].memory != WMEM else 0))

    def joins(self, timed: Timed) -> bool:
        """Whether an instruction can go on with a pass at all."""
        return (
            self.chains and timed.streams and timed.engine == VECTOR and timed.function in IN_UNITS
        )

    def may_join(self, consumer: Timed, producer: Timed) -> bool:
        """Whether a vector instruction can be in one pass with a producer that it streams from."""
        return (
            self.joins(consumer)
            and producer.engine == VECTOR
            and producer.function in IN_UNITS
            and producer.work.elements == consumer.work.elements
        )

    def own(self, timed: Timed, before: Iterable[tuple[Timed, int]] | None) -> int:
        """Cycles from an instruction's start to its end at least, whether or not it goes on with a pass.

        One that joins late holds up the pass until its own elements have been through: from its start to its end it
        takes as long as the one before it in the pass, less the cycles after which it could follow that one.

        Args:
            timed: the instruction.
            before: those that can come right before it in its pass, each with its own such cycles; None when there
                may be others.
        """
        cost = timed.cost
        if not self.joins(timed):
            return cost.last
        if before is None:
            # A pass has a place for each unit's class; its first instruction takes the whole pass.
            links = self.machine.vector.units * len(IN_UNITS)
            alike = pass_cost(self.machine, timed) - (links - 1)
        else:
            alike = min((cycles - other.cost.first for other, cycles in before), default=cost.last)
        return max(cost.busy, min(cost.last, alike))

    def _passed(self, consumer: Timed, producer: Timed) -> bool:
        """Whether an instruction cannot join its producer's chain, and so waits for the end of that."""
        if not self.chains or not consumer.engine == producer.engine == VECTOR:
            return False
        return consumer.function not in IN_UNITS or consumer.work.elements != producer.work.elements
