"""Measuring a transformation: lower a copy of the module to the machine, and time it without values.

A trial goes through the passes that follow in every pipeline, so that its cycles are those of the finished program
unless a later transformation changes it again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from weakref import finalize

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from rnncc.dialects._types import symbol_maxima
from rnncc.errors import RnnccError
from rnncc.machine import load_machine
from rnncc.passes._module_text import ModuleText
from rnncc.passes._remarks import REMARKS, remark

SAVING = 500
"""One cycle in this many must be saved: a longer program is not free."""
MANY = 4
"""More scans than this are decided together, so that the time to compile stays in proportion."""
CLEAN = "lower-lengths,canonicalize,cse,dce"
"""The passes that a trial goes through first: what one choice ended with, the next one begins with ..."""
BACK = "back"
"""... and the way to the machine."""


@dataclass(frozen=True)
class Measured:
    """What a trial found.

    Attributes:
        cycles: of the whole program at the largest run-time lengths, at one step less and at half of them.
        turn: instructions in the longest turn of a loop, without those of loops inside.
    """

    cycles: list[int]
    turn: int


_known: dict[int, dict[tuple[str, ModuleText], Measured]] = {}
"""Each trial of the compilations that are going on, so that nothing is timed twice."""


def cycles_of(ctx: Context, module: ModuleOp, target: str) -> list[int]:
    """Cycles of the whole program; see `measure`."""
    return list(measure(ctx, module, target).cycles)


Timed = Callable[[Context, ModuleOp, str], list[int]]
"""Cycles of a module on a machine, as `cycles_of` gives them."""


def measure(ctx: Context, module: ModuleOp, target: str) -> Measured:
    """Lower a copy of a module and time it.

    A program whose times depend on its data (lengths of rows) is timed once, on random inputs of the largest lengths.

    Raises:
        RnnccError: the program does not fit the machine, or cannot be timed.
    """
    from rnncc.codegen import generate
    from rnncc.pipeline import Pipeline
    from rnncc.random_inputs import random_inputs
    from rnncc.simulator import simulate
    from rnncc.simulator.simulate import depends_on_data

    trial = module.clone()
    maxima: dict[str, int] = {}
    for op in trial.body.block.ops:
        maxima |= symbol_maxima(op)
        op.attributes.pop(REMARKS, None)
    Pipeline(CLEAN).apply(ctx, trial, target=target)
    known = _trials_of(ctx)
    key = (target, ModuleText(trial))
    if key in known:
        return known[key]
    Pipeline(BACK).apply(ctx, trial, target=target)
    program = generate(trial, load_machine(target), "exact")
    found = []
    random = depends_on_data(program)
    for lengths in _lengths(maxima)[: 1 if random else None]:
        data = random_inputs(module, 0, lengths) if random else None
        # The random rows are in the order that the program asks for: nothing is left to the runtime.
        result = simulate(program, data, lengths=lengths, values=False)
        assert result.cycles is not None
        found.append(result.cycles)
    known[key] = Measured(found, _longest_turn(trial))
    return known[key]


def _longest_turn(module: ModuleOp) -> int:
    from rnncc.dialects import npu

    turns = [
        sum(isinstance(inner, npu.InstructionOp) for inner in op.body.block.ops)
        for op in module.walk()
        if isinstance(op, npu.LoopOp)
    ]
    return max(turns, default=0)


def _trials_of(ctx: Context) -> dict[tuple[str, ModuleText], Measured]:
    """The trials of one compilation, which end with its context."""
    if id(ctx) not in _known:
        _known[id(ctx)] = {}
        finalize(ctx, _known.pop, id(ctx), None)
    return _known[id(ctx)]


def cycles_if_fit(
    ctx: Context, module: ModuleOp, target: str, timed: Timed = cycles_of
) -> list[int] | None:
    """See `cycles_of`; None when the program does not fit the machine."""
    try:
        return timed(ctx, module, target)
    except RnnccError:
        return None


def _lengths(maxima: dict[str, int]) -> list[dict[str, int]]:
    """The largest lengths, one less, and half of them."""
    every = [maxima, {s: max(1, n - 1) for s, n in maxima.items()}]
    every.append({s: max(1, n // 2) for s, n in maxima.items()})
    return [lengths for k, lengths in enumerate(every) if lengths not in every[:k]]


def better(now: list[int], best: list[int]) -> bool:
    """Whether cycles are saved at the largest lengths (by 1 in SAVING), and none lost at others that both have."""
    saved = best[0] - now[0]
    return saved * SAVING >= best[0] and all(n <= b for n, b in zip(now, best, strict=False))


def keep_if_faster(
    ctx: Context,
    module: ModuleOp,
    target: str,
    name: str,
    changes: Sequence[Callable[[ModuleOp], int]],
    timed: Timed = cycles_of,
) -> None:
    """Apply that of some changes to a module with which the machine is fastest, if any; note the cycles either way.

    Args:
        ctx: the dialects known.
        module: changed in place, or left with a remark.
        target: the machine, as ``load_machine`` takes it.
        name: the pass, for the remark.
        changes: each rewrites the module that it is given, and says how often it did something.
        timed: gives the cycles of a module.
    """
    trials = [module.clone() for _ in changes]
    done = [change(trial) for change, trial in zip(changes, trials, strict=True)]
    if not any(done):
        _take(module, trials[0])
        return
    trials = [trial for trial, times in zip(trials, done, strict=True) if times]
    try:
        before = timed(ctx, module, target)
    except RnnccError as error:
        _note(module, name, f"nothing is changed, the program cannot be timed: {error.message}")
        return
    best, chosen, tried = before, None, list[int]()
    for trial in trials:
        if (now := cycles_if_fit(ctx, trial, target, timed)) is not None:
            tried.append(now[0])
            if better(now, best):
                best, chosen = now, trial
    if chosen is not None:
        _take(module, chosen)
        _note(module, name, f"the program takes {best[0]:,} cycles instead of {before[0]:,}")
    elif tried:
        text = f"the program would take {min(tried):,} cycles, it takes {before[0]:,}"
        _note(module, name, f"nothing is changed: {text}")
    else:
        _note(module, name, "nothing is changed: the program would not fit the machine")


def _take(module: ModuleOp, trial: ModuleOp) -> None:
    """Give a module the contents of another one."""
    old = module.detach_region(module.body)
    module.add_region(trial.detach_region(trial.body))
    old.drop_all_references()


def _note(module: ModuleOp, name: str, text: str) -> None:
    """The same remark on every function."""
    for op in module.body.block.ops:
        if op.regions and op.regions[0].blocks:
            remark(op, name, text)
