"""Exact lower bounds of schedules by constraint programming (OR-Tools CP-SAT).

The model of time is the scheduler's own (`_engine_clock`, `latency`): one dispatcher that sends an
instruction every ``dispatch_cycles``; engines that take one instruction at a time; transfers that
hold a channel from start to end and the data path for their last cycles, later if the path is taken;
dependences as cycles between starts. Three rules of the clock are left out: that queues are finite,
that the data path is taken in the order of the transfers' starts, and that a product's first weights
are only taken beside the product *before* it (here beside any). Taking engines in order needs no
rule: exchanging the dispatch times of two instructions of an engine that start in the other order
breaks nothing. Leaving rules out can only shorten schedules, so that what is within 5 % of the
model's optimum is within 5 % of the clock's.
"""

from __future__ import annotations

from math import ceil

from ortools.sat.python import cp_model

EFFORT = 0.5
"""Deterministic seconds after which a problem is given up."""


def _solve(model):
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_deterministic_time = EFFORT
    status = solver.solve(model)
    return int(solver.objective_value) if status == cp_model.OPTIMAL else None


def _size(spent, costs):
    """Cycles of its engine that no other instruction can have."""
    ahead = max((other.load for other in costs if other.engine == spent.engine), default=0)
    return spent.busy - min(ahead, spent.stream)


def shortest_block(costs, edges, machine, most):
    """The least cycles of a block, in any order; None when not proved in time.

    Args:
        costs: cost of each instruction, none of them control.
        edges: (before, later, cycles from start to start).
        machine: the machine.
        most: cycles of a known order.
    """
    model, dispatch = cp_model.CpModel(), machine.control.dispatch_cycles
    makespan = model.new_int_var(0, most, "makespan")
    sent, begins, starts = [], [], []
    lanes, paths, channels = {}, {}, {}
    for spent in costs:
        sent.append(model.new_int_var(0, most, ""))
        begins.append(model.new_int_var(0, most, ""))
        model.add(begins[-1] >= sent[-1] + dispatch)
        model.add(makespan >= sent[-1] + dispatch)
        lane = spent.lane or spent.engine
        if spent.engine == "dma":
            end = model.new_int_var(0, 2 * most, "")
            model.add(end >= begins[-1] + spent.busy)
            held = model.new_int_var(0, 2 * most, "")
            channels.setdefault(lane, []).append(model.new_interval_var(begins[-1], held, end, ""))
            paths.setdefault(lane, []).append(
                model.new_fixed_size_interval_var(end - spent.path, spent.path, "")
            )
            starts.append(end - spent.busy)
        else:
            starts.append(begins[-1])
            lanes.setdefault(lane, []).append(
                model.new_fixed_size_interval_var(begins[-1], _size(spent, costs), "")
            )
        model.add(makespan >= starts[-1] + spent.last)
    model.add_no_overlap([model.new_fixed_size_interval_var(s, dispatch, "") for s in sent])
    for intervals in (*lanes.values(), *paths.values()):
        model.add_no_overlap(intervals)
    for intervals in channels.values():
        model.add_cumulative(intervals, [1] * len(intervals), machine.dma.channels)
    for before, later, cycles in edges:
        model.add(begins[later] >= starts[before] + cycles)
        model.add(sent[later] >= sent[before] + dispatch)
    model.minimize(makespan)
    return _solve(model)


def shortest_interval(costs, arcs, machine, scalars, most, turns=3):
    """The least cycles between the turns of a loop; None when not proved in time.

    A start is ``offset + interval * stage``; what an engine does in a turn does not overlap modulo the
    interval. Of dispatch, channels and data path only the sums must have room in the interval.

    Args:
        costs: cost of each instruction, none of them control.
        arcs: (before, later, cycles from start to start, turns between them).
        machine: the machine.
        scalars: scalar instructions in a turn.
        most: an interval that is known to do.
        turns: stages that are tried.
    """
    model, control, most = cp_model.CpModel(), machine.control, ceil(most)
    interval = model.new_int_var(1, most, "interval")
    model.add(interval >= control.loop_cycles + (len(costs) + scalars) * control.dispatch_cycles)
    starts, rows, held, paths = [], {}, {}, {}
    for spent in costs:
        offset = model.new_int_var(0, most, "")
        model.add(offset < interval)
        shift = model.new_int_var(0, turns * most, "")
        stages = [model.new_bool_var("") for _ in range(turns + 1)]
        model.add_exactly_one(stages)
        for stage, chosen in enumerate(stages):
            model.add(shift == interval * stage).only_enforce_if(chosen)
        starts.append(offset + shift)
        lane = spent.lane or spent.engine
        if spent.engine == "dma":
            held[lane] = held.get(lane, 0) + spent.busy
            paths[lane] = paths.get(lane, 0) + spent.path
            continue
        again = model.new_int_var(0, 2 * most, "")
        model.add(again == offset + interval)
        size = _size(spent, costs)
        rows.setdefault(lane, []).extend(
            model.new_fixed_size_interval_var(begin, size, "") for begin in (offset, again)
        )
    for row in rows.values():
        model.add_no_overlap(row)
    for lane, busy in held.items():
        model.add(interval >= paths[lane])
        model.add(interval * machine.dma.channels >= busy)
    for before, later, cycles, between in arcs:
        model.add(starts[later] + interval * between >= starts[before] + cycles)
    model.minimize(interval)
    return _solve(model)
