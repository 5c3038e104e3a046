"""The values of a program: its instructions as one generated Python function over bound NumPy views.

Loops become Python loops, scalar registers local variables and every other instruction one call with its arrays
already made, so that a step costs little more than the NumPy calls it stands for. The text is generated from
integers only (register numbers, constants of instructions), never from names in a file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rnncc.errors import SimulationError
from rnncc.isa.instruction import Instruction
from rnncc.simulator.decode import Decoder
from rnncc.simulator.emit import Emitter
from rnncc.simulator.lengths import MAX_INSTRUCTIONS, PROGRESS_EVERY
from rnncc.simulator.source import Source
from rnncc.simulator.structure import parse
from rnncc.simulator.threads import fits_cache, one_thread


class Values:
    """A program bound to memory, ready to run any number of times.

    Args:
        instructions: the whole program.
        decoder: binds them.
        presets: registers that hold a value when the program starts.
        only: the tensor instructions to execute; None for all.
        wide: see ``Emitter``.
    """

    def __init__(
        self,
        instructions: Sequence[Instruction],
        decoder: Decoder,
        presets: Sequence[int],
        only: frozenset[int] | None = None,
        wide: bool = True,
    ):
        self.instructions = instructions
        self.decoder = decoder
        self.presets = presets
        self.body = parse(instructions)
        self._emitter = Emitter(instructions, self.body, decoder, presets, only, wide)
        self._small = fits_cache(instructions, decoder.memory.constants)
        self._functions: dict[bool, tuple[Callable[..., Any], Source]] = {}

    @property
    def stays(self) -> dict[int, str]:
        """Loop -> why it is executed iteration by iteration; of those that a run has come to."""
        return self._emitter.stays

    def run(
        self,
        registers: dict[int, int],
        *,
        progress: Callable[[int], None] | None = None,
        max_instructions: int = MAX_INSTRUCTIONS,
    ) -> list[int]:
        """Execute the program once on what memory holds now.

        Args:
            registers: register -> value at the start, one for each preset.
            progress: called now and then with the number of instructions executed so far.
            max_instructions: see ``MAX_INSTRUCTIONS``.

        Returns: what each executed ``s.read`` read, in order: all that the program's control may depend on.

        Raises:
            SimulationError: naming the instruction and the address or value.
        """
        hooked = progress is not None
        if hooked not in self._functions:
            self._functions[hooked] = self._emitter.function(hooked)
        function, source = self._functions[hooked]
        self.decoder.matrices.store.clear()
        trace: list[int] = []
        start = [registers[number] for number in self.presets]
        with np.errstate(all="ignore"), one_thread(self._small):
            try:
                function(start, trace, max_instructions, _ticker(progress))
            except (IndexError, KeyError, ValueError, ZeroDivisionError, OverflowError) as error:
                raise source.blame(error, self.instructions, self.decoder.matrices) from None
            except SimulationError as error:
                raise source.locate(error, self.instructions) from None
        return trace


def _ticker(progress: Callable[[int], None] | None) -> Callable[[int], int]:
    """Reports progress and answers at how many instructions to report next."""

    def tick(done: int) -> int:
        if progress is not None:
            progress(done)
        return done + PROGRESS_EVERY

    return tick
