"""The least cycles of a block in any order, by constraint programming (OR-Tools CP-SAT).

The model has every rule of the clockwork: one dispatcher, in order, ``dispatch_cycles`` an instruction; a queue for
each engine, of a bounded depth, that an instruction leaves when it starts; engines that take their queues in order,
transfers with channels and a data path; hazards as the interlocks see them; the second weight buffer of an array;
chains of a ``chain`` vector engine; supersteps of a bulk-synchronous machine. An order and its times on the simulated
machine are always a solution, so the least value is a lower bound of any order. Two things a solution may do that
the machine does not: leave a chain, or begin a superstep, before it must. So its order may take a few cycles more.
"""

from __future__ import annotations

from itertools import pairwise

from ortools.sat.python import cp_model

from rnncc.cost.vector import IN_UNITS
from rnncc.simulator.shape import ENGINE_IDS, ENGINE_NAMES, LANES
from tests.unit.backend.hazards import hazards

EFFORT = 0.5
"""Deterministic seconds after which a problem is given up."""
DMA, VECTOR = ENGINE_IDS["dma"], ENGINE_IDS["vector"]


def shortest_block(items, machine, most, effort=EFFORT):
    """The least cycles of instructions in any order that keeps their results.

    Args:
        items: instructions in program order (see ``turns``).
        machine: the machine, idle at the start.
        most: cycles of a known order.
        effort: deterministic seconds of the solver.

    Returns:
        The cycles and an order that the solver found for them; None when not proved in time.
    """
    block = Block(items, machine, most)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_deterministic_time = effort
    if solver.solve(block.model) != cp_model.OPTIMAL:
        return None
    order = sorted(range(len(items)), key=lambda n: solver.value(block.sent[n]))
    return int(solver.objective_value), order


class Block:
    """The model of one block; arguments as for `shortest_block`."""

    def __init__(self, items, machine, most):
        self.items, self.machine, self.most = items, machine, most
        self.model = cp_model.CpModel()
        self.costs = [item.timed.cost for item in items]
        self.hazards = hazards(items)
        self.sent, self.begins, self.ends, self.dones, self.paths = (
            [self.time() for _ in items] for _ in range(5)
        )
        self.before = {}
        self.chained = machine.vector.kind == "chain"
        self.joined = {}
        for number, cost in enumerate(self.costs):
            self.instruction(number, cost)
        self.dispatch()
        for lane in range(LANES):
            members = [n for n, item in enumerate(items) if item.timed.lane == lane]
            self.lane(lane, members)
        for hazard in self.hazards:
            self.wait(hazard)
        if machine.sync.kind == "bulk":
            self.supersteps()
        makespan = self.time()
        for number in range(len(items)):
            self.model.add(makespan >= self.dones[number])
            self.model.add(makespan >= self.ends[number])
        self.model.minimize(makespan)

    def time(self):
        return self.model.new_int_var(0, self.most, "")

    def instruction(self, n, cost):
        """What holds of an instruction alone."""
        model, begin = self.model, self.begins[n]
        model.add(begin >= self.sent[n] + self.machine.control.dispatch_cycles)
        if cost.shared:
            model.add(self.paths[n] >= begin + cost.busy - cost.shared)
            model.add(self.ends[n] >= self.paths[n] + cost.shared)
            model.add(self.dones[n] >= self.paths[n] + cost.shared + cost.last - cost.busy)
        else:
            model.add(self.ends[n] >= begin + cost.busy)
        if not (self.chained and self.items[n].timed.engine == VECTOR):
            model.add(self.dones[n] >= begin + cost.last)

    def dispatch(self):
        """One at a time, in an order that the dependences allow."""
        cycles = self.machine.control.dispatch_cycles
        self.model.add_no_overlap(
            [self.model.new_fixed_size_interval_var(s, cycles, "") for s in self.sent]
        )
        for before, later in {(h.before, h.later) for h in self.hazards}:
            self.model.add(self.sent[later] >= self.sent[before] + cycles)

    def lane(self, lane, members):
        """One queue and its engine."""
        model = self.model
        depth = self.machine.control.queue_depth[ENGINE_NAMES[lane] if lane < 3 else "dma"]
        if len(members) > depth:
            stays = [
                model.new_interval_var(self.sent[n], self.time(), self.begins[n], "")
                for n in members
            ]
            model.add_cumulative(stays, [1] * len(members), depth)
        known = {(h.before, h.later) for h in self.hazards}
        for place, i in enumerate(members):
            for j in members[place + 1 :]:
                if (i, j) in known:
                    self.after(lane, i, j, None)
                    continue
                first = model.new_bool_var("")
                self.after(lane, i, j, first)
                self.after(lane, j, i, first.negated())
        if lane == DMA or lane > VECTOR:
            channels = [
                model.new_interval_var(self.begins[n], self.time(), self.ends[n], "")
                for n in members
            ]
            model.add_cumulative(channels, [1] * len(members), self.machine.dma.channels)
        elif lane == VECTOR and self.chained:
            self.chains(members)

    def after(self, lane, i, j, literal):
        """If the literal holds (None: always), j comes behind i in their queue."""
        enforce = [] if literal is None else [literal]
        constraints = [
            self.sent[j] >= self.sent[i] + self.machine.control.dispatch_cycles,
            self.begins[j] >= self.begins[i],
        ]
        cost, later = self.costs[i], self.costs[j]
        if lane == DMA or lane > VECTOR:
            constraints.append(self.paths[j] >= self.paths[i] + cost.shared)
        elif lane != VECTOR or not self.chained:
            constraints.append(self.begins[j] >= self.ends[i] - later.load)
            if later.load and cost.load:
                constraints.append(self.begins[j] >= self.begins[i] + cost.busy - cost.stream)
        for constraint in constraints:
            self.model.add(constraint).only_enforce_if(enforce)

    def chains(self, members):
        """Which vector instruction follows which, and whether it joins the chain of that one."""
        model, units = self.model, self.machine.vector.units
        streams = {(h.before, h.later) for h in self.hazards if h.kind == "stream"}
        timed = {n: self.items[n].timed for n in members}
        inside = [n for n in members if timed[n].function in IN_UNITS]
        used = {
            n: {f: model.new_int_var(0, units, "") for f in {timed[m].function for m in inside}}
            for n in members
        }
        arcs, joins = [], {n: [] for n in members}
        for n in members:
            arcs += [(0, n + 1, model.new_bool_var("")), (n + 1, 0, model.new_bool_var(""))]
        for i in members:
            for j in members:
                if i == j or (j, i) in streams:
                    continue
                fresh = model.new_bool_var("")
                arcs.append((i + 1, j + 1, fresh))
                # The next chain enters when this one is over.
                model.add(self.begins[j] >= self.dones[i]).only_enforce_if(fresh)
                same = timed[i].work.elements == timed[j].work.elements
                if (i, j) in streams and same and i in inside and j in inside:
                    join = model.new_bool_var("")
                    arcs.append((i + 1, j + 1, join))
                    joins[j].append(join)
                    # What joins late holds up the pass.
                    late = self.begins[j] - self.begins[i] - self.costs[i].first
                    model.add(self.dones[j] >= self.dones[i] + late).only_enforce_if(join)
                    model.add(self.sent[j] + self.machine.control.dispatch_cycles < self.dones[i]
                              ).only_enforce_if(join)  # fmt: skip
                    for function, count in used[j].items():
                        more = used[i][function] + int(timed[j].function == function)
                        model.add(count == more).only_enforce_if(join)
        if members:
            model.add_circuit(arcs)
        for n in members:
            alone = model.new_bool_var("")
            model.add_exactly_one([alone, *joins[n]])
            self.joined[n] = alone.negated()
            model.add(self.dones[n] >= self.begins[n] + self.costs[n].last).only_enforce_if(alone)
            model.add(self.dones[n] >= self.begins[n] + self.costs[n].busy)
            for function, count in used[n].items():
                mine = int(timed[n].function == function)
                model.add(count == mine).only_enforce_if(alone)

    def wait(self, hazard):
        """The times that a hazard ties to one another."""
        i, j, model = hazard.before, hazard.later, self.model
        if hazard.kind == "sums":
            return
        if hazard.kind == "stream":
            cost = self.costs[i]
            model.add(self.begins[j] >= self.begins[i] + cost.first)
            if cost.shared:
                model.add(self.begins[j] >= self.paths[i] + cost.shared + cost.first - cost.busy)
            alone = [self.joined[j].negated()] if j in self.joined else []
            model.add(self.ends[j] >= self.dones[i]).only_enforce_if(alone)
            model.add(self.dones[j] >= self.dones[i] + self.costs[j].tail).only_enforce_if(alone)
            model.add(self.dones[j] >= self.dones[i])
        elif hazard.kind == "war":
            model.add(self.begins[j] >= self.ends[i] - hazard.freed - hazard.early)
        else:
            model.add(self.begins[j] >= self.dones[i] - hazard.early)

    def supersteps(self):
        """Supersteps in the order of dispatch; each begins when the one before it is done and the barrier over."""
        model, cycles = self.model, self.machine.sync.cycles
        barriers = [0, *(self.time() for _ in range(self.most // cycles))]
        steps = []
        for n, item in enumerate(self.items):
            member = [model.new_bool_var("") for _ in barriers]
            model.add_exactly_one(member)
            steps.append(sum(k * literal for k, literal in enumerate(member)))
            for k, literal in enumerate(member):
                model.add(self.begins[n] >= barriers[k]).only_enforce_if(literal)
                if item.timed.engine != DMA and k + 1 < len(barriers):
                    model.add(barriers[k + 1] >= self.dones[n] + cycles).only_enforce_if(literal)
        for earlier, later in pairwise(barriers[1:]):
            model.add(later >= earlier + cycles)
        for hazard in self.hazards:
            model.add(steps[hazard.later] >= steps[hazard.before] + int(hazard.cross))
        for i in range(len(self.items)):
            for j in range(i + 1, len(self.items)):
                first = model.new_bool_var("")
                model.add(self.sent[i] < self.sent[j]).only_enforce_if(first)
                model.add(self.sent[j] < self.sent[i]).only_enforce_if(first.negated())
                model.add(steps[i] <= steps[j]).only_enforce_if(first)
                model.add(steps[j] <= steps[i]).only_enforce_if(first.negated())
