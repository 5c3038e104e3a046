"""Schedules of loop bodies against the optimum: ``python -m tests.benchmarks.optimum [MACHINE ...]``.

For every cell, form and machine of ``tests.unit.backend.bodies``: cycles of one turn in list order and the least of any
order; cycles from turn to turn as pipelined and the least of any modulo schedule. Needs OR-Tools.
"""

from __future__ import annotations

import sys

from tests.unit.backend.bodies import CELLS, MACHINES, bodies, forms_of
from tests.unit.backend.interval import shortest_interval
from tests.unit.backend.optimum import shortest_block
from tests.unit.backend.turns import cycles_of, interval_of

EFFORT = 2.0


def main(targets):
    proved = {"order": [], "interval": []}
    for target in targets:
        for cell in CELLS:
            for form in forms_of(cell):
                found = bodies(cell, form, target)
                turn, machine = found.plain[3], found.machine
                cycles = cycles_of(turn.items, machine)
                block = shortest_block(turn.items, machine, cycles, EFFORT)
                least = None if block is None else block[0]
                interval = interval_of(found.kernel)
                turns = [t.items for t in found.plain[3:7]]
                most = min(interval, interval_of(found.plain))
                again = shortest_interval(turns, turn.control, machine, most, EFFORT)
                name = f"{target:15}{cell:22}{form:10}{len(turn.items):3}"
                print(name, _pair(cycles, least, proved["order"]), _pair(interval, again, proved["interval"]),
                      flush=True)  # fmt: skip
    for name, ratios in proved.items():
        close = sum(r <= 1.05 for r in ratios)
        print(
            f"{name}: {len(ratios)} proved, {close} within 5 %, worst {max(ratios, default=0):.3f}"
        )


def _pair(found, least, proved):
    if least is None:
        return f"{found:9.0f}   not proved   "
    proved.append(found / least)
    return f"{found:9.0f}{least:9d}{found / least:6.3f}"


if __name__ == "__main__":
    main(sys.argv[1:] or MACHINES)
