"""The engines as an order of issue sees them: queues, when each is free, the channels of the DMA.

The same rules as the simulator's clockwork: dispatch in order, into a queue for each engine that an
instruction leaves when it starts; engines take their queues in order. Transfers start in order,
each on the channel that is free first, and share one data path; writes to DRAM, copies within the
chip and each way of the host's link may have a queue, channels and path of their own. An array with
a second weight buffer takes a product's first weights while the one before it still streams. On a
``chain`` vector engine an instruction joins the chain of the one issued before it, or waits for its
end. Loops and branches keep the dispatcher; one that moves data queues behind the transfers before
it. Barriers are in `_superstep_clock`.
"""

from __future__ import annotations

from collections import deque

from rnncc.machine import MachineDescription
from rnncc.passes._op_cost import OpCost
from rnncc.passes._superstep_clock import SuperstepClock

TRANSFERS = ("dma", "writes", "local", "from host", "to host")
"""The queues of the DMA engine (`rnncc.cost.dma.transfer_queue`)."""
LANES = {"matrix": "matrix", "vector": "vector"} | dict.fromkeys(TRANSFERS, "dma")
"""The queues, and whose depth they have."""


class EngineClock:
    """Times of what is issued so far.

    Attributes:
        clock: when the dispatcher is free.
        end: when everything issued is done.
    """

    def __init__(self, machine: MachineDescription):
        control = machine.control
        self.dispatch = control.dispatch_cycles
        self.supersteps = SuperstepClock(machine)
        self.free: dict[str, int] = dict.fromkeys((*LANES, "control"), 0)
        self.queues = {
            lane: deque([0] * control.queue_depth[name], maxlen=control.queue_depth[name])
            for lane, name in LANES.items()
        }
        self.channels = {lane: [0] * machine.dma.channels for lane in TRANSFERS}
        self.path = dict.fromkeys(self.channels, 0)
        self.swap = 0
        """When the array took over the weights of its second buffer."""
        self.chain = 0
        """End of the chain on the vector engine."""
        self.used: dict[str, int] = {}
        self.last: OpCost | None = None
        """The instruction of the chain that was issued last, ..."""
        self.followed = 0
        """... and when it started."""
        self.clock = self.end = 0

    def joins(self, spent: OpCost) -> bool:
        """Whether an instruction that reads what the last one of the chain writes goes on with the chain."""
        link = spent.link
        if link is None or self.last is None or self.last.link is None:
            return False
        same = self.last.link.elements == link.elements
        return same and self.used.get(link.function, 0) < link.units

    def sent(self, lane: str) -> int:
        """When the dispatcher could send to a queue: it must have room."""
        return self.clock if lane == "control" else max(self.clock, self.queues[lane][0])

    def earliest(self, spent: OpCost, joins: bool) -> int:
        """When the machine could start an operation, whatever it waits for.

        Args:
            spent: its cost.
            joins: it goes on with the chain on the vector engine.
        """
        lane = spent.lane or spent.engine
        if lane == "control":
            start = max(self.free[lane], self.clock)
            for moved in spent.inside.intersection(TRANSFERS):
                start = max(start, self.free[moved], min(self.channels[moved]))
            return start
        start = self.sent(lane) + self.dispatch
        if lane in self.channels:
            return max(start, self.free[lane], min(self.channels[lane]))
        if spent.link is not None:
            return start if joins else max(start, self.chain)
        if spent.load:
            return max(start, self.swap, self.free[lane] - spent.load)
        return max(start, self.free[lane])

    def wanted(self, spent: OpCost, start: int) -> int:
        """When an operation that starts at a time must be dispatched at the latest."""
        return start if spent.engine == "control" else start - self.dispatch

    def take(self, spent: OpCost, start: int, joins: bool) -> int:
        """Issue an operation that starts at a time; returns the cycles that it is late by the data path."""
        late, done = 0, start + spent.last
        lane = spent.lane or spent.engine
        if lane == "control":
            # The control engine is the dispatcher: while it waits, nothing is issued.
            self.clock = start + spent.busy
            for queue in ("control", *spent.inside):
                self.free[queue] = max(self.free[queue], self.clock)
        else:
            self.clock = self.sent(lane) + self.dispatch
            self.queues[lane].append(start)
            self.free[lane] = start + spent.busy
            if lane in self.channels:
                late = self._transfer(spent, start, lane)
                self.free[lane] = start
            elif spent.load:
                self.swap = start + spent.busy - spent.stream
            elif spent.link is not None:
                done = self._link(spent, start, joins)
        self.end = max(self.end, done + late)
        return late

    def _transfer(self, spent: OpCost, start: int, lane: str) -> int:
        ends, channels = start + spent.busy, self.channels[lane]
        begin = max(ends - spent.path, self.path[lane])
        self.path[lane] = begin + spent.path
        channels[channels.index(min(channels))] = self.path[lane]
        return self.path[lane] - ends

    def _link(self, spent: OpCost, start: int, joins: bool) -> int:
        """Account for an instruction of a chain; returns when it is done."""
        assert spent.link is not None
        function = spent.link.function
        if joins:
            assert self.last is not None
            # What starts later than it could follow holds up the whole pass.
            late = max(start - self.followed - self.last.first, 0)
            self.chain = max(self.chain + late, start + spent.busy)
        else:
            self.used, self.chain = {}, start + spent.last
        self.used[function] = self.used.get(function, 0) + 1
        self.last, self.followed = spent, start
        return self.chain
