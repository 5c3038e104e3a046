"""The simulator's one function: values and cycles of a program."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from rnncc.cost.bounds import Bounds, bounds
from rnncc.cost.energy import energy
from rnncc.cost.work import Work
from rnncc.errors import InputError
from rnncc.program import Program
from rnncc.simulator.counters import count
from rnncc.simulator.critical import chains
from rnncc.simulator.lengths import MAX_INSTRUCTIONS, executed, start_registers
from rnncc.simulator.result import SimulationResult, TimingResult
from rnncc.simulator.structure import Body, parse, split
from rnncc.simulator.timing import Timing

Progress = Callable[[float], None]

_TREE, _TIMINGS = "simulator.tree", "simulator.timings"
KEPT_TIMINGS = 64
"""Timings (one for each set of run-time lengths and scalar reads) that a program keeps."""


def simulate(
    program: Program,
    inputs: Mapping[str, np.ndarray] | None,
    *,
    lengths: Mapping[str, int] | None = None,
    values: bool = True,
    timing: bool = True,
    extrapolate: bool = True,
    progress: Progress | None = None,
    max_instructions: int = MAX_INSTRUCTIONS,
) -> SimulationResult:
    """Run a program on the simulated machine.

    Timing needs no values unless a branch, loop count, extent or address depends on data (an ``s.read``): what those
    reads need is then computed as well when there are inputs. A second run of the same program reuses what the first
    worked out.

    Args:
        program: compiled, or loaded from a file.
        inputs: array by input name, of the port's type and actual shape; None only without values.
        lengths: symbol -> actual run-time length; the maximum where not given.
        values: compute the outputs.
        timing: count the cycles.
        extrapolate: add the periods of regular loops instead of simulating them; the result is the same.
        progress: called now and then with the share of the work that is done, 0 to 1.
        max_instructions: what the program may execute before it counts as endless.

    Raises:
        InputError: inputs or lengths do not fit, or are needed and missing.
        SimulationError: the program does something the machine refuses; names the instruction.
    """
    actual = dict(lengths or {})
    for name in actual:
        if name not in program.symbols:
            raise InputError(f"the program has no length '{name}'")
    registers = start_registers(program, actual)
    outputs: dict[str, np.ndarray] = {}
    trace: list[int] = []
    needed = timing and depends_on_data(program)
    if values or needed:
        if inputs is None:
            why = "values need inputs" if values else "the program's control depends on data"
            raise InputError(f"{why}: give the inputs")
        # Only values need the host's arithmetic: a timing-only run starts faster without it.
        from rnncc.simulator.run import bound, bound_for_control

        binding = bound(program) if values else bound_for_control(program)
        outputs, trace = binding.run(inputs, actual, progress, max_instructions)
    timed = None
    if timing:
        share = None if values or progress is None else progress
        timed = _timed(
            program,
            registers,
            trace,
            extrapolate=extrapolate,
            progress=share,
            max_instructions=max_instructions,
        )
    return SimulationResult(
        outputs=outputs if values else {},
        machine=program.machine.name,
        numerics=program.numerics,
        lengths={name: actual.get(name, s.maximum) for name, s in program.symbols.items()},
        timing=timed,
        seconds=program.machine.seconds(timed.cycles) if timed else None,
    )


def control_trace(
    program: Program, inputs: Mapping[str, np.ndarray] | None, lengths: Mapping[str, int]
) -> list[int]:
    """What each ``s.read`` reads, where the program's control depends on it; empty otherwise.

    Args:
        program: the program.
        inputs: array by input name, of the port's type and actual shape.
        lengths: symbol -> actual length.

    Raises:
        InputError: inputs are needed and missing, or do not fit.
        SimulationError: see ``simulate``.
    """
    if not depends_on_data(program):
        return []
    if inputs is None:
        raise InputError("the program's control depends on data: give the inputs")
    from rnncc.simulator.run import bound_for_control

    return bound_for_control(program).run(inputs, lengths)[1]


def depends_on_data(program: Program) -> bool:
    """Whether a register that a branch, count, extent or address uses may come from an ``s.read``."""
    key = "simulator.data"
    if key not in program.cache:
        tainted: set[int] = set()
        grown = True
        while grown:
            grown = False
            for item in program.instructions:
                source = item.op == "s.read" or (
                    item.op == "s" and bool({item.ra, item.rb} & tainted)
                )
                if source and item.rd and item.rd not in tainted:
                    tainted.add(item.rd)
                    grown = True
        program.cache[key] = any(_used(item) & tainted for item in program.instructions)
    return program.cache[key]


def _used(item) -> set[int]:
    used = {extent.reg for extent in item.extents} | {operand.index for operand in item.operands}
    return used | {item.ra} if item.op in ("loop", "beqz", "breakz") else used


def tree(program: Program) -> Body:
    """The program's loop tree, parsed once."""
    if _TREE not in program.cache:
        program.cache[_TREE] = parse(program.instructions)
    return program.cache[_TREE]


def _timed(
    program: Program,
    registers: Mapping[int, int],
    trace: Sequence[int],
    *,
    extrapolate: bool,
    progress: Progress | None,
    max_instructions: int,
) -> TimingResult:
    kept = program.cache.setdefault(_TIMINGS, {})
    key = (tuple(sorted(registers.items())), tuple(trace), extrapolate)
    if key in kept:
        return kept[key]
    machine, whole = program.machine, tree(program)
    setup, body = split(whole, program.setup)
    hook = None
    if progress is not None:
        report, total = progress, max(executed(program.instructions, whole, registers), 1)
        hook = lambda done: report(min(done / total, 1.0))  # noqa: E731
    run = Timing(
        program.instructions,
        body,
        machine,
        extrapolate=extrapolate,
        progress=hook,
        ports=program.ports,
    )
    cycles = run.run(registers, trace, max_instructions)
    once = 0
    if setup.items:
        once = Timing(program.instructions, setup, machine).run(registers, [], max_instructions)
    counters = count(machine, run.shapes, run.clock, cycles, run.extrapolated)
    done = [(t.work, n) for t, n in zip(run.shapes.all, run.clock.counts, strict=True)]
    used = energy(machine, done, counters.instructions, cycles)
    constants = [s.address for s in program.segments if s.kind == "const"]
    limits = partial(_limits, run, done, constants, body, dict(registers), list(trace))
    result = TimingResult(cycles, counters, limits, used, once)
    if len(kept) >= KEPT_TIMINGS:
        kept.clear()
    kept[key] = result
    return result


def _limits(
    run: Timing,
    done: Sequence[tuple[Work, int]],
    constants: Sequence[int],
    body: Body,
    registers: Mapping[int, int],
    trace: Sequence[int],
) -> Bounds:
    """The bounds of a timed run."""
    path = chains(run.shapes, body, registers, trace)
    machine = run.clock.machine
    weights = run.loads.traffic(machine, constants)
    return bounds(machine, done, weights, path, run.clock.control_busy)
