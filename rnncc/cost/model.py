"""Cycles of one instruction on one machine, without waiting for anything else.

Sources of the formulas stand with the functions of each engine: ``matrix.py``, ``vector.py``, ``dma.py``. Nothing
in them is fitted to a measurement; what a machine does is in its description.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """Cycles of one instruction, whole numbers, from its start.

    Attributes:
        engine: ``dma``, ``matrix`` or ``vector``.
        busy: until the engine (one of its channels, for dma) has taken its input and can start another.
        first: until the first elements of the result can be read.
        last: until all of them can; at least ``first`` and ``busy``.
        shared: the last cycles of ``busy``, during which a resource common to the engine's channels is taken
            (the dma data path); 0 when there is none.
        active: of a product: cycles in which the array multiplies; the rest of ``busy`` shifts weights or waits for
            memory.
        load: of a product: the first cycles of ``busy``, in which only weights are taken; an array with a second
            buffer does this while the product before it still streams.
        stream: of a product with ``load``: the last cycles of ``busy``, for which the weights are in the array.
    """

    engine: str
    busy: int
    first: int
    last: int
    shared: int = 0
    active: int = 0
    load: int = 0
    stream: int = 0

    @property
    def tail(self) -> int:
        """From the last input taken to the last result: the pipeline's depth."""
        return self.last - self.busy
