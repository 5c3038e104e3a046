"""``rnncc serve-sim``."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from rnncc.cli import common
from rnncc.errors import InputError, nearest

if TYPE_CHECKING:
    from rnncc.serving.arrivals import Request
    from rnncc.serving.costs import PolicyCosts
    from rnncc.serving.policies import Served

PERCENTILES = (50, 95, 99)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``rnncc serve-sim``."""
    parser.add_argument(
        "model", help="an .onnx file with a free dimension of time, for one sequence"
    )
    parser.add_argument(
        "--target", "-t", default="edge", metavar="MACHINE", help="a machine or .toml file"
    )
    parser.add_argument(
        "--rate", type=float, metavar="R", help="requests a second, arriving at random (Poisson)"
    )
    parser.add_argument(
        "--requests", type=int, metavar="N", help="how many requests arrive (default 1000)"
    )
    parser.add_argument(
        "--trace", metavar="FILE", help="replay a .csv of 'arrival seconds,length' instead"
    )
    parser.add_argument(
        "--policies",
        default="pad,pack,cellular",
        metavar="LIST",
        help="which of pad, pack, cellular to compare (default all)",
    )
    parser.add_argument(
        "--slots", type=int, default=64, metavar="N", help="most sequences at a time (default 64)"
    )
    parser.add_argument(
        "--min-length", type=int, metavar="N", help="shortest random request (default 5)"
    )
    parser.add_argument(
        "--max-length",
        type=int,
        metavar="N",
        help="longest request (default 150, or as --shape says)",
    )
    parser.add_argument(
        "--shape",
        action="append",
        default=[],
        metavar="NAME=N,N,..",
        help="shape of an input for one sequence; default --max-length and 1 for free dimensions",
    )
    parser.add_argument("--seed", type=int, help="of the random arrivals (default 0)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")


def main(args: argparse.Namespace) -> int:
    """Measure the steps, replay the requests, print what each policy gives."""
    from rnncc.progress import stage
    from rnncc.serving.costs import measure
    from rnncc.serving.policies import serve

    policies = _policies(args.policies)
    _check(args)
    common.require_file(args.model)
    shapes = common.parse_shapes(args.shape) or _shapes(args.model, args.max_length or 150)
    costs = {}
    with stage("timing the steps") as progress:
        for done, policy in enumerate(policies):
            progress(done / len(policies))
            costs[policy] = measure(args.model, args.target, args.slots, policy, shapes)
    longest = next(iter(costs.values())).longest
    requests = _requests(args, longest)
    served = [serve(policy, requests, costs[policy], args.slots) for policy in policies]
    if args.json:
        print(json.dumps(_document(args, requests, costs, served), indent=2))
    else:
        print(_table(args, requests, costs, served))
    return 0


def _policies(text: str) -> list[str]:
    from rnncc.serving.policies import POLICIES

    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in POLICIES:
            known = ", ".join(POLICIES)
            raise InputError(
                f"--policies: unknown policy '{name}' (policies: {known})", nearest(name, POLICIES)
            )
    if len(set(names)) < len(names):
        raise InputError(f"--policies {text}: a policy is named twice")
    return names


def _check(args: argparse.Namespace) -> None:
    if not 1 <= args.slots <= 4096:
        raise InputError(f"--slots {args.slots} is outside 1..4096")
    if args.max_length is not None and args.max_length < 4:
        raise InputError(f"--max-length {args.max_length}: expected at least 4")
    if args.trace is None:
        if args.rate is None:
            raise InputError("no requests: give --rate R, or --trace FILE")
        return
    common.require_file(args.trace)
    for name in ("rate", "requests", "seed", "min_length"):
        if getattr(args, name) is not None:
            option = name.replace("_", "-")
            raise InputError(
                f"--{option} has no effect on --trace, which says when requests arrive"
            )


def _shapes(path: str, longest: int) -> dict[str, tuple[int, ...]]:
    """Every input with free dimensions: one of a name is the time, wherever it is, the others are 1.

    The time is the first free dimension of the first input that has one, but for one called after a batch when
    there is another.
    """
    from rnncc.frontend import model_inputs

    free = {
        item.name: [d for d in item.dims or () if not isinstance(d, int)]
        for item in model_inputs(path)
    }
    names = [d for dims in free.values() for d in dims]
    others = [d for d in names if d is None or not d.lower().startswith("batch")]
    time = (others or names or [None])[0]
    shapes = {}
    for item in model_inputs(path):
        dims = list(item.dims or ())
        sizes = [d if isinstance(d, int) else 1 for d in dims]
        if free[item.name]:
            if time in free[item.name]:
                sizes[dims.index(time)] = longest
            shapes[item.name] = tuple(sizes)
    return shapes


def _requests(args: argparse.Namespace, longest: int) -> list[Request]:
    from rnncc.serving.arrivals import poisson, read_trace

    if args.trace is not None:
        return read_trace(args.trace, longest)
    count = 1000 if args.requests is None else args.requests
    shortest = min(5, longest) if args.min_length is None else args.min_length
    return poisson(args.rate, count, longest, shortest, args.seed or 0)


def _sizes(slots: int) -> list[int]:
    """The numbers of rows whose steps are shown: powers of 2, not too many of them, and all slots."""
    powers = [1 << k for k in range(slots.bit_length()) if 1 << k < slots]
    return [*powers[-6:], slots]


def _figures(served: Served) -> dict[str, float]:
    import numpy as np

    points = np.percentile(served.latencies, PERCENTILES)
    return {
        "throughput": served.throughput,
        **{f"p{p}": float(v) for p, v in zip(PERCENTILES, points, strict=True)},
        "rows_a_step": served.rows / served.steps,
    }


def _document(
    args: argparse.Namespace,
    requests: list[Request],
    costs: dict[str, PolicyCosts],
    served: list[Served],
) -> dict:
    return {
        "model": args.model,
        "target": args.target,
        "slots": args.slots,
        "requests": len(requests),
        "longest": max(c.longest for c in costs.values()),
        "step_cycles": {
            policy: {str(n): c.program(n).step(n) * c.clock_hz for n in _sizes(args.slots)}
            for policy, c in costs.items()
        },
        "units": {"throughput": "requests a second", "latency": "seconds"},
        "policies": {s.policy: _figures(s) for s in served},
    }


def _table(
    args: argparse.Namespace,
    requests: list[Request],
    costs: dict[str, PolicyCosts],
    served: list[Served],
) -> str:
    from rnncc.machine import load_machine

    sizes = _sizes(args.slots)
    steps = sum(r.length for r in requests)
    lines = [
        f"{args.model} on {load_machine(args.target).title}: {len(requests):,} requests of "
        f"{steps / len(requests):.1f} steps on average, at most {args.slots} at a time",
        "",
        f"{'cycles a step of':<16}" + "".join(f" {n:>9}" for n in sizes) + "  rows",
        *(
            f"{policy:<16}" + "".join(f" {c.program(n).step(n) * c.clock_hz:>9,.0f}" for n in sizes)
            for policy, c in costs.items()
        ),
        "",
        f"{'policy':<9} {'requests/s':>11} {'p50 ms':>10} {'p95 ms':>10} {'p99 ms':>10} {'rows a step':>12}",
    ]
    for entry in served:
        f = _figures(entry)
        times = " ".join(f"{f[f'p{p}'] * 1e3:>10.3f}" for p in PERCENTILES)
        lines.append(
            f"{entry.policy:<9} {f['throughput']:>11,.1f} {times} {f['rows_a_step']:>12.1f}"
        )
    return "\n".join(lines)
