"""The figures of a module on its way: recurrence steps and products from the IR, the rest from a run of its program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation
from xdsl.passes import ModulePass

from rnncc.dialects._types import symbol_maxima
from rnncc.dialects.rnn import ScanOp, WhileOp
from rnncc.errors import InputError
from rnncc.machine.description import MachineDescription
from rnncc.program import Program
from rnncc.simulator import SimulationResult

PRODUCTS = ("nn.matmul", "nn.conv")
LOWERED = "decompose-cells,lower-lengths,canonicalize,cse,dce"
"""What a module still needs before the machine passes take it, whatever was done before."""


@dataclass(frozen=True)
class Facts:
    """What a module costs at its largest lengths.

    Attributes:
        steps: turns of recurrences one after the other; side by side they count once.
        products: matrix products and convolutions that run, those of a step once a step.
        macs: multiply-accumulates.
        weights: native bytes of weights moved to the weight memory.
        cycles: of the whole program.
        bound: the largest lower bound of the cycles.
        binds: which one it is.
        sequences: independent ones that one run serves.
    """

    steps: int
    products: int
    macs: int
    weights: int
    cycles: int
    bound: int
    binds: str
    sequences: int = 1

    @property
    def each(self) -> float:
        """Cycles a sequence."""
        return self.cycles / self.sequences

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        return asdict(self)


def facts_of(
    context: Context,
    module: ModuleOp,
    machine: MachineDescription,
    back: Sequence[ModulePass],
    numerics: str,
    sequences: int = 1,
    inputs: Mapping[str, Any] | None = None,
) -> Facts:
    """The figures of a module in the rnn and nn dialects, which is left as it is.

    Args:
        context: the dialects known.
        module: not changed.
        machine: what it is lowered to.
        back: the machine passes of the pipeline.
        numerics: ``exact`` or ``machine``.
        sequences: independent ones that a run serves.
        inputs: what to time a program on whose control depends on data; random ones where they do not fit it.

    Raises:
        RnnccError: it cannot be lowered or run.
    """
    from rnncc.codegen import generate
    from rnncc.pipeline import Pipeline

    trial = module.clone()
    Pipeline(LOWERED).apply(context, trial)
    block = next(op for op in trial.body.block.ops if op.regions).regions[0].block
    steps, products = steps_of(block), products_of(block)
    for module_pass in back:
        module_pass.apply(context, trial)
    timing = run(generate(trial, machine, numerics), module, inputs).timing
    assert timing is not None
    counters, bounds = timing.counters, timing.bounds
    return Facts(
        steps,
        products,
        counters.macs,
        counters.written["wmem"],
        timing.cycles,
        bounds.cycles,
        bounds.binds,
        sequences,
    )


def run(
    program: Program, module: ModuleOp, inputs: Mapping[str, Any] | None = None
) -> SimulationResult:
    """Time a program at its largest lengths; where its control depends on data, on inputs that fit or random ones."""
    from rnncc.random_inputs import random_inputs
    from rnncc.runtime import run_program
    from rnncc.simulator import simulate
    from rnncc.simulator.simulate import depends_on_data

    if not depends_on_data(program):
        return run_program(program, None, values=False).report.simulation
    if fit(program, inputs):
        return run_program(program, inputs, values=False).report.simulation
    maxima: dict[str, int] = {}
    for op in module.body.block.ops:
        maxima |= symbol_maxima(op)
    # Random inputs are those that the machine sees, rows in its order already.
    return simulate(program, random_inputs(module, 0, maxima), values=False)


def fit(program: Program, inputs: Mapping[str, Any] | None) -> bool:
    """Whether a program takes inputs: those of the model it was compiled from, unless a pass asks for others."""
    from rnncc.runtime import bind_inputs

    if inputs is None:
        return False
    try:
        bind_inputs(program, inputs)
    except InputError:
        return False
    return True


def steps_of(block: Block) -> int:
    """Turns of the recurrences of a block, nested ones multiplied."""
    return sum(_times(op) * max(1, _inside(op, steps_of)) for op in block.ops if _repeats(op))


def products_of(block: Block) -> int:
    """Products that a block runs, of every branch."""
    own = sum(op.name in PRODUCTS for op in block.ops)
    return own + sum(_times(op) * _inside(op, products_of) for op in block.ops if op.regions)


def _inside(op: Operation, count: Any) -> int:
    return sum(count(block) for region in op.regions for block in region.blocks)


def _repeats(op: Operation) -> bool:
    return isinstance(op, (ScanOp, WhileOp))


def _times(op: Operation) -> int:
    """How often a region runs, at most."""
    return op.count if isinstance(op, (ScanOp, WhileOp)) else 1
