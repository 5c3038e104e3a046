"""A loop's regular iterations from all of them evaluated at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnncc.simulator.runs import Movement, regular
from rnncc.simulator.structure import Loop
from rnncc.simulator.vectors import Vectors, written
from rnncc.simulator.walker import Walker


class Registers(Sequence[tuple[list[int], int]]):
    """``States`` of a loop that was evaluated at once.

    Args:
        walker: standing at the loop.
        final: register -> values at the end of each iteration, of those that the loop writes.
        count: iterations.
    """

    def __init__(self, walker: Walker, final: dict[int, np.ndarray], count: int):
        self._before = list(walker.registers)
        self._reads = walker.reads
        self._final = final
        self._count = count

    def __len__(self) -> int:
        return self._count + 1

    def __getitem__(self, index):  # type: ignore[override]
        if not 0 <= index <= self._count:
            raise IndexError(index)
        registers = list(self._before)
        if index:
            for number, values in self._final.items():
                registers[number] = int(values[min(index - 1, len(values) - 1)])
        return registers, self._reads


def by_vectors(walker: Walker, loop: Loop, count: int) -> Movement | None:
    """The regular iterations of a loop that is about to start; None when there are too few to gain from.

    Args:
        walker: standing at the loop.
        loop: the loop.
        count: its iterations.

    Raises:
        Unfit: the loop has to be walked.
    """
    found = Vectors(walker.instructions, walker.registers, loop, count)
    movement = regular(found.iterations)
    if movement is not None:
        changed = written(walker.instructions, loop) & set(found.values)
        final = {number: found.values[number] for number in changed}
        movement.states = Registers(walker, final, count)
    return movement
