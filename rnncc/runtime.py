"""Runs a program on the simulated machine: checks the inputs, simulates, reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from rnncc.counted import trimmed
from rnncc.errors import InputError, ProgramError, nearest
from rnncc.generation import Generator
from rnncc.input_arrays import check_known, typed_arrays
from rnncc.isa.types import NUMPY_TYPES
from rnncc.row_order import check_lengths, order_of, ordered, restored
from rnncc.skipped import take_counters
from rnncc.slot_inputs import slot_run
from rnncc.speculated import take_turns

if TYPE_CHECKING:
    from rnncc.program import Port, Program
    from rnncc.report import Report


@dataclass(frozen=True)
class Result:
    """What one run gave.

    Attributes:
        outputs: arrays by ONNX name, at their actual sizes; empty for a timing-only run.
        cycles: machine cycles of the whole program; None when timing was switched off.
        report: the figures; ``print(result.report)`` is the table, ``.to_dict()`` the numbers.
    """

    outputs: dict[str, np.ndarray]
    cycles: int | None
    report: Report


def run_program(
    program: Program,
    inputs: Mapping[str, Any] | None,
    *,
    lengths: Mapping[str, int] | None = None,
    values: bool = True,
    timing: bool = True,
    extrapolate: bool = True,
    progress: Callable[[float], None] | None = None,
    seed: int = 0,
) -> Result:
    """Run ``program``.

    Args:
        program: compiled or loaded.
        inputs: array by input name, with the signature's element types; time dimensions up to their maximum.
            None only for a timing-only run.
        lengths: symbol -> actual length, for a timing-only run; otherwise the inputs say it.
        values: compute the outputs.
        timing: count the cycles.
        extrapolate: add the iterations of a loop that has become periodic instead of simulating each (exact).
        progress: called with the fraction done.
        seed: of the numbers that a sampling generator draws tokens by, where the inputs do not give them.

    Raises:
        InputError: a name, shape or element type that does not fit the signature.
        SimulationError: the program did something that the machine refuses.
    """
    from rnncc.report import Report
    from rnncc.simulator import simulate

    arrays, actual, back = None, {}, _as_they_are
    if inputs is not None:
        arrays, actual, back = place_inputs(program, inputs, seed)
    elif values:
        raise InputError("values need inputs", "give them, or run timing-only")
    for symbol, length in (lengths or {}).items():
        check_length(program, symbol, length)
        if actual.setdefault(symbol, length) != length:
            raise InputError(
                f"length {symbol}={length} contradicts the inputs, which say {actual[symbol]}"
            )
    simulation = simulate(
        program,
        arrays,
        lengths=actual,
        values=values,
        timing=timing,
        extrapolate=extrapolate,
        progress=progress,
    )
    outputs, skipped = take_counters(simulation.outputs or {})
    outputs, speculated = take_turns(outputs)
    outputs = back(outputs)
    report = Report.of(program, simulation, actual)
    report.skipped, report.speculated = skipped, speculated
    return Result(trimmed(outputs), simulation.cycles, report)


def place_inputs(
    program: Program, inputs: Mapping[str, Any], seed: int = 0
) -> tuple[dict[str, np.ndarray], dict[str, int], Callable[[dict], dict[str, np.ndarray]]]:
    """The inputs as the machine gets them: checked, and with rows ordered or requests in slots where the program
    leaves that to the host.

    Returns: the arrays, the actual length of every symbol, and the function that gives the caller's outputs for
        the machine's.

    Raises:
        InputError: names what is wrong and what is expected.
    """
    batch = program.batch
    if batch is not None and batch.order == "slots":
        requests = slot_run(program, inputs)
        return *bind_inputs(program, requests.arrays, seed), requests.outputs
    arrays, actual = bind_inputs(program, inputs, seed)
    order = order_of(batch, arrays)
    if batch is None or order is None:
        return arrays, actual, _as_they_are
    return ordered(batch, arrays, order), actual, partial(restored, batch, order=order)


def _as_they_are(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return arrays


def bind_inputs(
    program: Program, inputs: Mapping[str, Any], seed: int = 0
) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """The inputs as arrays, checked, and the actual length of every symbol.

    A generator's states are zero, its limit the largest and its random numbers those of ``seed`` where they are
    left out.

    Raises:
        InputError: names what is wrong and what is expected.
    """
    ports = {port.name: port for port in program.inputs}
    check_known(ports, inputs)
    if (generator := Generator.of(program)) is not None:
        inputs = generator.complete(program, inputs, seed)
    arrays = typed_arrays(ports, inputs, _describe)
    lengths: dict[str, int] = {}
    for name, port in ports.items():
        _match_shape(program, port, arrays[name].shape, lengths)
    for name, maximum, symbol in _sequence_lens(program):
        time = dict(lengths).get(symbol, maximum)
        _check_sequence_lens(name, arrays.get(name), time)
    if program.batch is not None:
        check_lengths(program.batch, arrays[program.batch.lengths], lengths)
    return arrays, lengths


def _sequence_lens(program: Program) -> list[tuple[str, int, str]]:
    """The inputs that are lengths, from the report, which a program file may have written in any form."""
    try:
        return [
            (n, int(m), str(s)) for n, (m, s) in program.report.get("sequence_lens", {}).items()
        ]
    except (AttributeError, TypeError, ValueError):
        raise ProgramError(
            "the program's 'sequence_lens' are not name: [maximum, symbol]"
        ) from None


def _check_sequence_lens(name: str, lens: np.ndarray | None, time: int) -> None:
    if lens is not None and lens.size and not 0 <= lens.min() <= lens.max() <= time:
        wrong = lens[(lens < 0) | (lens > time)].flat[0]
        raise InputError(f"input '{name}' holds the length {wrong}, outside 0..{time}")


def _describe(port: Port) -> str:
    dims = ", ".join(
        f"{symbol}<={size}" if symbol else str(size)
        for size, symbol in zip(port.shape, port.symbols, strict=True)
    )
    return f"'{port.name}' {NUMPY_TYPES[port.dtype]}[{dims}]"


def _match_shape(
    program: Program, port: Port, shape: tuple[int, ...], lengths: dict[str, int]
) -> None:
    wrong = InputError(f"input '{port.name}' has shape {list(shape)}, expected {_describe(port)}")
    if len(shape) != len(port.shape):
        raise wrong
    for size, expected, symbol in zip(shape, port.shape, port.symbols, strict=True):
        if not symbol:
            if size != expected:
                raise wrong
            continue
        scale = expected // program.symbols[symbol].maximum
        length, rest = divmod(size, scale)
        if rest:
            raise wrong
        check_length(program, symbol, length)
        if lengths.setdefault(symbol, length) != length:
            raise InputError(
                f"input '{port.name}' says that {symbol} is {length}, another input says {lengths[symbol]}"
            )


def check_length(program: Program, symbol: str, length: int) -> None:
    """A run-time length that the program has, within its maximum; InputError otherwise."""
    if symbol not in program.symbols:
        known = ", ".join(program.symbols) or "none; its time is fixed"
        raise InputError(
            f"the program has no length '{symbol}' (lengths: {known})",
            nearest(symbol, program.symbols),
        )
    maximum = program.symbols[symbol].maximum
    if not 0 <= length <= maximum:
        raise InputError(
            f"length {symbol}={length} is outside 0..{maximum}, what the program was compiled for",
            f"compile again with a larger {'--max-prompt' if symbol == 'prompt' else '--shape'}",
        )
