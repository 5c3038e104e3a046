"""Benchmark suites: what ``rnncc bench SUITE`` runs.

A suite is a module with ``add_arguments(parser)`` and ``main(args) -> int``, as a subcommand is. Its figures go to
standard output (a table for people, ``--json`` for programs), progress to standard error.
"""

SUITES = {
    "deepbench": (
        "rnncc.bench.silicon.deepbench",
        "DeepBench's recurrent layers at batch 1, beside published latencies",
    ),
    "tpu-paper": (
        "rnncc.bench.silicon.tpu_paper",
        "the TPU paper's applications, beside its throughputs and breakdown",
    ),
    "fill": (
        "rnncc.bench.fill",
        "more sequences and layers side by side, until the array of a machine is busy",
    ),
    "transformations": (
        "rnncc.bench.transformations",
        "cycles with and without each transformation, beside the lower bound",
    ),
}
"""Name -> (module, what it measures in one line)."""
