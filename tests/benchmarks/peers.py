"""rnncc's compile and run times beside ONNX Runtime's, in one run, as ratios.

Run with ``python -m tests.benchmarks.peers [--quick]``. Times are medians; each pair is measured in turn, so that a
drift of the machine's speed falls on both.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime

import rnncc
from tests.benchmarks.models import model_file

ROWS = [
    # kind, hidden, steps, repetitions, floor: ratio to ONNX Runtime (or milliseconds)
    ("LSTM", 256, 25, 50, "<= 2 ms"),
    ("LSTM", 1024, 25, 20, "<= 1.3 x"),
    ("LSTM", 2048, 25, 10, "<= 1.3 x"),
    ("GRU", 1024, 1500, 5, "<= 1.3 x"),
    ("GRU", 2816, 750, 3, "<= 1.3 x"),
]


PAUSE = 0.02
"""Seconds before each measurement: the threads of the library measured before spin for a while after their work."""


def timed(action: Callable[[], object]) -> float:
    """Seconds of one call."""
    time.sleep(PAUSE)
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def measure(folder: Path, kind: str, hidden: int, steps: int, repetitions: int) -> dict[str, float]:
    """Medians in seconds: compile and run of both."""
    path = str(model_file(folder, kind, hidden, steps))
    x = np.random.default_rng(1).standard_normal((steps, 1, hidden)).astype(np.float32)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    rnncc.compile(path)  # warms the file cache and the imports
    compile_ours = timed(lambda: rnncc.compile(path))
    compile_theirs = timed(lambda: onnxruntime.InferenceSession(path, options))
    program, session = rnncc.compile(path), onnxruntime.InferenceSession(path, options)
    got = program.run({"x": x}, timing=False).outputs
    for want, name in zip(session.run(None, {"x": x}), ("y", "y_h"), strict=True):
        expected = np.asarray(want)
        error = np.abs(expected - got[name]).max() / np.abs(expected).max()
        assert error < 1e-5, f"{name} differs by {error}"
    ours, theirs, both = [], [], []
    for _ in range(repetitions):
        ours.append(timed(lambda: program.run({"x": x}, timing=False)))
        theirs.append(timed(lambda: session.run(None, {"x": x})))
        both.append(timed(lambda: program.run({"x": x})))
    fresh = rnncc.compile(path)
    return {
        "compile": compile_ours,
        "compile_ort": compile_theirs,
        "run": statistics.median(ours),
        "run_ort": statistics.median(theirs),
        "run_timed": statistics.median(both),
        "timing_only": timed(lambda: fresh.run(None, values=False)),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the first two rows only")
    rows = ROWS[:2] if parser.parse_args().quick else ROWS
    print(
        "model              compile s (ONNX Runtime)   run ms (ONNX Runtime) ratio   with cycles ms   cycles only ms"
    )
    with tempfile.TemporaryDirectory() as folder:
        for kind, hidden, steps, repetitions, floor in rows:
            m = measure(Path(folder), kind, hidden, steps, repetitions)
            print(
                f"{kind} h{hidden} T{steps}".ljust(18)
                + f"{m['compile']:9.3f} ({m['compile_ort']:.3f})"
                + f"{m['run'] * 1e3:17.2f} ({m['run_ort'] * 1e3:.2f}) {m['run'] / m['run_ort']:6.2f}  {floor:9}"
                + f"{m['run_timed'] * 1e3:10.2f}{m['timing_only'] * 1e3:17.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
