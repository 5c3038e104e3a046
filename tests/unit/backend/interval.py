"""The least cycles from turn to turn of a loop, in any modulo schedule, by constraint programming (OR-Tools CP-SAT).

An instruction starts at ``offset + interval * stage`` in its turn; what an engine does does not overlap modulo the
interval. A buffer that one turn alone uses may have as many copies as are wanted. Left out: that engines take their
queues in order; of channels and data path only the sums must have room in the interval; of a barrier only what passes
through it waits. That dispatch is in order, into queues of a bounded depth, is left out as well as long as the answer
is within 5 % of what is known to do: it makes problems hard. Whatever repeats on the machine,
turn after turn, is a solution (rounded up to whole cycles), so that the least value bounds every order and every
stage.
"""

from __future__ import annotations

from math import ceil

from ortools.sat.python import cp_model

from rnncc.cost.vector import IN_UNITS
from rnncc.simulator.shape import ENGINE_IDS, ENGINE_NAMES
from tests.unit.backend.hazards import carried, hazards
from tests.unit.backend.optimum import EFFORT

DMA, MATRIX, VECTOR = ENGINE_IDS["dma"], ENGINE_IDS["matrix"], ENGINE_IDS["vector"]

CLOSE = 1.05
"""What is within this factor is near enough not to look at queues."""


def shortest_interval(turns, control, machine, most, effort=EFFORT):
    """The least interval of a loop, in whole cycles; None when not proved in time.

    Args:
        turns: some turns in program order, all alike (see ``turns``); the last one is scheduled.
        control: cycles of a turn's control instructions, those of the loop included.
        machine: the machine.
        most: an interval that is known to do.
        effort: deterministic seconds of the solver for each interval that is tried.
    """
    low, high = 1, ceil(most)
    trial = high - 1  # most loops are at their optimum
    for queues in (False, True):
        while low < high:
            found = possible(turns, control, machine, trial, effort, queues=queues)
            if found is None:
                return None
            low, high = (low, trial) if found else (trial + 1, high)
            trial = (low + high) // 2
        if CLOSE * low >= most:
            break
        high, trial = ceil(most), int(most / CLOSE)
    return low


def possible(turns, control, machine, interval, effort=EFFORT, *, queues=False):
    """Whether turns can follow one another at an interval; None when not decided in time."""
    if interval < control + len(turns[-1]) * machine.control.dispatch_cycles:
        return False
    loop = Loop(turns, machine, interval)
    if queues:
        loop.dispatch()
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_deterministic_time = effort
    status = solver.solve(loop.model)
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return True
    return False if status == cp_model.INFEASIBLE else None


class Loop:
    """The model of a loop at an interval; arguments as for `possible`."""

    def __init__(self, turns, machine, interval):
        self.items, self.machine, self.interval = turns[-1], machine, interval
        self.model = model = cp_model.CpModel()
        # Whoever waits for all of the others, each a turn later than it could.
        self.horizon = sum(item.timed.cost.last + 2 * interval for item in self.items)
        self.offsets, self.begins = [], []
        self.ends, self.dones = ([self.time() for _ in self.items] for _ in range(2))
        self.hazards = [*hazards(self.items), *carried(turns)]
        self.chained = machine.vector.kind == "chain"
        self.joined = {}
        for _ in self.items:
            self.place()
        # Any moment may be the first of the interval: that at which a recurrence comes around.
        anchor = max((h.later for h in self.hazards if h.distance), default=0)
        model.add(self.offsets[anchor] == 0)
        lanes = {}
        for n, item in enumerate(self.items):
            lanes.setdefault(item.timed.lane, []).append(n)
        for lane, members in lanes.items():
            if lane == VECTOR and self.chained:
                self.chains(members)
            elif lane in (MATRIX, VECTOR):
                self.engine(members)
            else:
                self.transfers(members)
        for n, item in enumerate(self.items):
            self.times(n, item.timed.cost)
        for hazard in self.hazards:
            self.wait(hazard)

    def time(self):
        return self.model.new_int_var(0, self.horizon, "")

    def place(self):
        """When an instruction starts."""
        offset = self.model.new_int_var(0, self.interval - 1, "")
        stage = self.model.new_int_var(0, self.horizon // self.interval, "")
        self.offsets.append(offset)
        self.begins.append(offset + self.interval * stage)

    def times(self, n, cost):
        """Ends of an instruction by itself; a chain has its pass once."""
        self.model.add(self.ends[n] >= self.begins[n] + cost.busy)
        alone = [self.joined[n].negated()] if n in self.joined else []
        self.model.add(self.dones[n] >= self.begins[n] + cost.last).only_enforce_if(alone)
        self.model.add(self.dones[n] >= self.begins[n] + cost.busy)

    def engine(self, members):
        """One at a time, modulo the interval; of two with weights to take, these one after the other as well."""
        spent = {n: self.items[n].timed.cost for n in members}
        lengths = {n: self.ends[n] - self.begins[n] for n in members}
        self.apart(
            [(self.offsets[n] + spent[n].load, lengths[n] - spent[n].load, None) for n in members]
        )
        loads = [n for n in members if spent[n].load]
        self.apart([(self.offsets[n], spent[n].busy - spent[n].stream, None) for n in loads])

    def apart(self, pieces):
        """No overlap of (begin, length, literal or None) modulo the interval."""
        row, model = [], self.model
        for begin, length, literal in pieces:
            size = model.new_int_var(0, self.interval, "")
            model.add(size >= length).only_enforce_if([] if literal is None else [literal])
            for again in (0, self.interval):
                start, end = begin + again, model.new_int_var(0, 4 * self.interval, "")
                if literal is None:
                    row.append(model.new_interval_var(start, size, end, ""))
                else:
                    row.append(model.new_optional_interval_var(start, size, end, literal, ""))
        model.add_no_overlap(row)

    def dispatch(self):
        """One dispatcher, in order; an instruction is sent when its queue has room."""
        model, cycles = self.model, self.machine.control.dispatch_cycles
        offsets = [model.new_int_var(0, self.interval - 1, "") for _ in self.items]
        turns = self.horizon // self.interval
        sent = [offset + self.interval * model.new_int_var(-turns, turns, "") for offset in offsets]
        self.apart([(offset, cycles, None) for offset in offsets])
        for begin, at in zip(self.begins, sent, strict=True):
            model.add(begin >= at + cycles)
        for h in self.hazards:
            model.add(sent[h.later] + self.interval * h.distance >= sent[h.before] + cycles)
        for lane in {item.timed.lane for item in self.items}:
            members = [n for n, item in enumerate(self.items) if item.timed.lane == lane]
            depth = self.machine.control.queue_depth[ENGINE_NAMES[lane] if lane < 3 else "dma"]
            for n in members:
                # Those sent before, less those started.
                waiting = [
                    self.passed(sent[n] - sent[other]) - self.passed(sent[n] - self.begins[other])
                    for other in members
                ]
                model.add(sum(waiting) <= depth)

    def passed(self, cycles):
        """How many whole intervals are in a number of cycles, rounded down."""
        most = 3 * self.horizon // self.interval
        whole = self.model.new_int_var(-most, most, "")
        self.model.add(cycles >= self.interval * whole)
        self.model.add(cycles < self.interval * (whole + 1))
        return whole

    def transfers(self, members):
        costs = [self.items[n].timed.cost for n in members]
        path, busy = sum(cost.shared for cost in costs), sum(cost.busy for cost in costs)
        if max(path, busy / self.machine.dma.channels) > self.interval:
            self.model.add_bool_or([])

    def chains(self, members):
        """Vector instructions in chains, one after the other modulo the interval."""
        model, units = self.model, self.machine.vector.units
        timed = {n: self.items[n].timed for n in members}
        inside = {n for n in members if timed[n].function in IN_UNITS}
        over = {n: self.time() for n in members}
        functions = sorted({timed[n].function for n in inside})
        used = {n: [model.new_int_var(0, units, "") for _ in functions] for n in members}
        into, out = {n: [] for n in members}, {n: [] for n in members}
        for hazard in self.hazards:
            i, j = hazard.before, hazard.later
            same = i in inside and j in inside and i != j
            if hazard.kind != "stream" or not same:
                continue
            if timed[i].work.elements != timed[j].work.elements:
                continue
            join = model.new_bool_var("")
            into[j].append(join)
            out[i].append(join)
            ahead = self.interval * hazard.distance
            model.add(over[i] >= over[j] + ahead).only_enforce_if(join)
            for place, function in enumerate(functions):
                more = used[i][place] + int(timed[j].function == function)
                model.add(used[j][place] == more).only_enforce_if(join)
        pieces, passes = [], []
        for n in members:
            model.add_at_most_one(out[n])
            head = model.new_bool_var("")
            model.add_exactly_one([head, *into[n]])
            self.joined[n] = head.negated()
            model.add(over[n] >= self.dones[n])
            for place, function in enumerate(functions):
                mine = int(timed[n].function == function)
                model.add(used[n][place] == mine).only_enforce_if(head)
            pieces.append((self.offsets[n], over[n] - self.begins[n], head))
            passes.append(head * self.items[n].timed.cost.last)
        self.apart(pieces)
        model.add(sum(passes) <= self.interval)  # implied; the solver finds it late

    def wait(self, hazard):
        """The times that a hazard ties to one another, across turns."""
        i, j, model = hazard.before, hazard.later, self.model
        if hazard.kind == "sums":
            return
        ahead = self.interval * hazard.distance
        bulk = self.machine.sync.kind == "bulk" and hazard.cross
        if hazard.kind == "stream" and not bulk:
            alone = [self.joined[j].negated()] if j in self.joined else []
            model.add(self.begins[j] + ahead >= self.begins[i] + self.items[i].timed.cost.first)
            model.add(self.ends[j] + ahead >= self.dones[i]).only_enforce_if(alone)
            tail = self.items[j].timed.cost.tail
            model.add(self.dones[j] + ahead >= self.dones[i] + tail).only_enforce_if(alone)
            model.add(self.dones[j] + ahead >= self.dones[i])
        elif hazard.kind == "war":
            freed = hazard.freed + hazard.early
            model.add(self.begins[j] + ahead >= self.ends[i] - freed)
        else:
            early = 0 if bulk else hazard.early
            barrier = self.machine.sync.cycles if bulk else 0
            model.add(self.begins[j] + ahead >= self.dones[i] + barrier - early)
