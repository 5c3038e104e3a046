"""The simulator's own speed on hand-written LSTM programs, beside the matrix-vector products they cannot avoid.

    python tests/benchmarks/bench_simulator.py

prints for each row: first run (binding included), best of the later runs, the same products alone in NumPy, and
timing-only. ``tests/unit/sim/test_speed.py`` holds the floors that do not depend on an idle machine.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from sim_programs import EDGE, Lstm

from rnncc.simulator import simulate

ROWS = [(256, 25, None), (1024, 25, None), (1024, 25, 512), (2048, 25, 512), (1024, 1500, None)]


def best(run, times):
    """Least seconds of several calls."""
    results = []
    for _ in range(times):
        start = perf_counter()
        run()
        results.append(perf_counter() - start)
    return min(results)


def main() -> None:
    """Print the table."""
    vmem = replace(EDGE.memories.vmem, size=1 << 28)
    wmem = replace(EDGE.memories.wmem, size=1 << 28)
    machine = replace(EDGE, memories=replace(EDGE.memories, vmem=vmem, wmem=wmem))
    print("h      T    panel   first ms    best ms  NumPy products ms  timing-only ms")
    for hidden, steps, panel in ROWS:
        lstm = Lstm(hidden, steps, panel, machine=machine)
        x = lstm.input()
        first = best(lambda: simulate(lstm.program, {"x": x}, timing=False), 1)  # noqa: B023
        run = best(lambda: simulate(lstm.program, {"x": x}, timing=False), 7)  # noqa: B023
        out, state = np.empty(4 * hidden, np.float32), x[0].copy()

        def products():
            np.matmul(x, lstm.w.T)  # noqa: B023
            for _ in range(steps):  # noqa: B023
                lstm.r.dot(state, out)  # noqa: B023

        alone = best(products, 7)
        timing = best(lambda: simulate(lstm.program, None, values=False), 1)  # noqa: B023
        name = f"{hidden:<5} {steps:5} {panel or '-':>6}"
        print(
            f"{name} {1e3 * first:10.2f} {1e3 * run:10.2f} {1e3 * alone:18.2f} {1e3 * timing:15.2f}"
        )


if __name__ == "__main__":
    main()
