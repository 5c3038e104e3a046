"""How close schedules of DeepBench's layers come to their bounds: ``python -m tests.benchmarks.bounds edge tpu-v1``.

One line a row and machine: cycles, cycles a step, the bound, what binds, the bound as a share of the cycles, and CPU
seconds to compile and to time. Timing only; the models are made once in the folder given by ``--folder``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import rnncc
from rnncc.simulator import simulate
from tests.benchmarks.models import model_file

ROWS = (
    ("LSTM", 256, 150), ("LSTM", 512, 25), ("LSTM", 1024, 25), ("LSTM", 1536, 50), ("LSTM", 2048, 25),
    ("GRU", 512, 1), ("GRU", 1024, 1500), ("GRU", 1536, 375), ("GRU", 2048, 375), ("GRU", 2560, 375),
    ("GRU", 2816, 750),
)  # fmt: skip
"""Kind, hidden size (also of the input), steps."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="+", help="machines")
    parser.add_argument("-p", "--pipeline", default="latency")
    parser.add_argument("--folder", type=Path, help="where the models are kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for target in options.targets:
            for kind, hidden, steps in ROWS:
                print(_line(folder, target, options.pipeline, kind, hidden, steps), flush=True)


def _line(folder: Path, target: str, pipeline: str, kind: str, hidden: int, steps: int) -> str:
    path, start = model_file(folder, kind, hidden, steps), time.process_time()
    program = rnncc.compile(path, target=target, pipeline=pipeline)
    compiled = time.process_time()
    result = simulate(program, None, values=False)
    timed, bounds = time.process_time(), result.bounds
    assert result.cycles is not None and bounds is not None
    return (
        f"{target:14} {kind:4} {hidden:5} T={steps:<5} {result.cycles:14,} cycles {result.cycles / steps:12,.0f} a step"
        f"  bound {bounds.cycles:14,} {bounds.binds:13} {100 * bounds.cycles / result.cycles:5.1f} %"
        f"  {compiled - start:5.2f} s to compile, {timed - compiled:5.2f} s to time"
    )


if __name__ == "__main__":
    main()
