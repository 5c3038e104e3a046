"""Requests for a program with slots: the caller's arrays checked, and laid out as the program wants them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from rnncc.errors import InputError
from rnncc.input_arrays import check_known, typed_arrays
from rnncc.isa.types import NUMPY_TYPES
from rnncc.program.batch import Batch
from rnncc.slots import Plan, gathered, laid_out, plan

if TYPE_CHECKING:
    from rnncc.program import Port, Program


@dataclass(frozen=True)
class SlotRun:
    """The requests of one run.

    Attributes:
        batch: of the program.
        plan: who runs where.
        arrays: the program's inputs.
        longest: steps of the caller's time axes.
    """

    batch: Batch
    plan: Plan
    arrays: dict[str, np.ndarray]
    longest: int

    def outputs(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The caller's outputs from the program's."""
        return gathered(self.batch, self.plan, arrays, self.longest)


def slot_run(program: Program, inputs: Mapping[str, Any]) -> SlotRun:
    """Check and lay out requests.

    Args:
        program: whose batch has slots.
        inputs: the caller's: lengths [n] i32, and the model's inputs with n rows where the program has slots or
            requests, and with the steps of the longest request or more.

    Raises:
        InputError: names what is wrong and what is expected; more requests than fit.
    """
    batch = program.batch
    assert batch is not None
    made = set(batch.roles.values()) - {batch.lengths}
    ports = {port.name: port for port in program.inputs if port.name not in made}
    check_known(ports, inputs)
    arrays = typed_arrays(ports, inputs, partial(_wanted, batch))
    lengths = arrays.pop(batch.lengths)
    if lengths.ndim != 1 or not 1 <= len(lengths) <= batch.requests:
        raise InputError(
            f"input '{batch.lengths}' has shape {list(lengths.shape)}, expected "
            f"{_wanted(batch, ports[batch.lengths])}",
            "give fewer requests a run, or compile with a larger requests=",
        )
    longest = _check_shapes(batch, ports, arrays, len(lengths))
    wrong = np.flatnonzero((lengths < 1) | (lengths > longest))
    if wrong.size:
        row = int(wrong[0])
        raise InputError(
            f"input '{batch.lengths}' holds the length {lengths[row]} for request {row}, outside 1..{longest}"
        )
    size = slots_of(program)
    made_plan = plan(lengths, size)
    if made_plan.steps > batch.maximum:
        raise InputError(
            f"these {len(lengths)} requests take {made_plan.steps} steps of {size} slots, the program was "
            f"compiled for {batch.maximum}",
            "give fewer requests a run, or compile with a larger --shape",
        )
    steps = made_plan.steps if batch.symbol else batch.maximum
    return SlotRun(batch, made_plan, laid_out(batch, made_plan, arrays, steps), longest)


def slots_of(program: Program) -> int:
    """The number of slots."""
    assert program.batch is not None
    (port,) = (p for p in program.inputs if p.name == program.batch.lengths)
    return port.shape[0]


def random_requests(program: Program, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Inputs for as many requests as the program serves, of random lengths that surely fit its steps."""
    batch = program.batch
    assert batch is not None
    size = slots_of(program)
    # Slots end within the longest request of one another: at most requests / size + 1 of them in a row.
    requests = min(batch.requests, max(1, (batch.maximum - 1) * size))
    longest = max(1, batch.maximum // (-(-requests // size) + 1))
    arrays: dict[str, np.ndarray] = {}
    made = set(batch.roles.values())
    for port in program.inputs:
        if port.name in made:
            continue
        shape = list(port.shape)
        shape[batch.inputs[port.name]] = requests
        if port.name in batch.times:
            shape[batch.times[port.name]] = longest
        dtype = NUMPY_TYPES[port.dtype]
        integers = dtype.kind in "iub"
        values = rng.integers(0, 2, shape) if integers else rng.standard_normal(shape)
        arrays[port.name] = values.astype(dtype)
    arrays[batch.lengths] = rng.integers(1, longest + 1, requests).astype(np.int32)
    return arrays


def _check_shapes(
    batch: Batch, ports: Mapping[str, Port], arrays: Mapping[str, np.ndarray], requests: int
) -> int:
    """Every array has its rows and its other extents; gives the steps of the time axes, which are all alike."""
    longest: dict[str, int] = {}
    for name, array in arrays.items():
        port, rows, time = ports[name], batch.inputs[name], batch.times.get(name)
        wrong = InputError(
            f"input '{name}' has shape {list(array.shape)}, expected {_wanted(batch, port)} "
            f"for {requests} requests"
        )
        if array.ndim != len(port.shape) or array.shape[rows] != requests:
            raise wrong
        fixed = [i for i in range(array.ndim) if i not in (rows, time)]
        if any(array.shape[i] != port.shape[i] for i in fixed):
            raise wrong
        if time is not None:
            longest[name] = array.shape[time]
    if len(set(longest.values())) != 1:
        raise InputError(f"inputs have different numbers of steps: {longest}")
    return next(iter(longest.values()))


def _wanted(batch: Batch, port: Port) -> str:
    """An input as the caller gives it."""
    dims = [str(n) for n in port.shape]
    dims[batch.inputs[port.name]] = f"requests<={batch.requests}"
    if port.name in batch.times:
        dims[batch.times[port.name]] = "steps"
    return f"'{port.name}' {NUMPY_TYPES[port.dtype]}[{', '.join(dims)}]"
