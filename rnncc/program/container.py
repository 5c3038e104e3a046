"""What a compiled program consists of."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from rnncc.isa.decode import decode_all
from rnncc.isa.encode import encode_all
from rnncc.isa.instruction import Instruction
from rnncc.isa.table import ISA_VERSION
from rnncc.isa.types import ITEM_SIZES
from rnncc.machine.description import MachineDescription

if TYPE_CHECKING:
    from rnncc.program.batch import Batch
    from rnncc.runtime import Result

SEGMENT_KINDS = ("const", "input", "output", "work")
"""``const`` and ``input`` are read-only for instructions; ``output`` and ``work`` (scratch) start out zero."""


@dataclass(frozen=True)
class Segment:
    """A named range of DRAM.

    Segments hold one C-contiguous block of ``shape`` elements in row-major order. ``array``, of constants, is
    therefore C-contiguous; a transposed or sliced view is stored as its base block and read with operand strides
    (``rnncc.program.block_of`` gives both, without a copy).

    Attributes:
        name: unique in the program.
        kind: one of ``SEGMENT_KINDS``.
        address: first byte in DRAM, a multiple of the element size; segments do not overlap.
        dtype: element type (``"f32"``).
        shape: elements; of inputs and outputs at the greatest run-time lengths.
        array: the values of a ``const`` segment, read-only, perhaps memory-mapped; None for the others.
    """

    name: str
    kind: str
    address: int
    dtype: str
    shape: tuple[int, ...]
    array: np.ndarray | None = field(default=None, compare=False, repr=False)

    @property
    def nbytes(self) -> int:
        """Bytes in containers of ``dtype``."""
        size = ITEM_SIZES[self.dtype]
        for extent in self.shape:
            size *= extent
        return size

    @property
    def end(self) -> int:
        """First address after the segment."""
        return self.address + self.nbytes

    @property
    def strides(self) -> tuple[int, ...]:
        """Bytes a step of each axis: row-major."""
        strides, step = [], ITEM_SIZES[self.dtype]
        for extent in reversed(self.shape):
            strides.append(step)
            step *= extent
        return tuple(reversed(strides))


@dataclass(frozen=True)
class Port:
    """An input or output of the program.

    Attributes:
        name: the ONNX name.
        dtype: element type.
        shape: at the greatest run-time lengths.
        symbols: one entry an axis, the symbol that the axis follows or "": an axis of extent c * maximum has
            c * actual elements at run time.
        segment: name of its segment, of the same dtype and shape.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    symbols: tuple[str, ...]
    segment: str


@dataclass(frozen=True)
class Symbol:
    """A run-time length: its greatest value, and the register that holds the actual one when the program starts."""

    maximum: int
    register: int


@dataclass(eq=False)
class Program:
    """A program for one machine.

    Attributes:
        words: uint8 of shape (instructions, 128).
        segments: the DRAM address space.
        inputs, outputs: the signature, in the model's order.
        symbols: run-time lengths by name.
        machine: the machine it was compiled for.
        memory: memory -> container bytes used.
        scale: memory -> container bytes that stand for one native byte (``MachineDescription.scale``).
        numerics: ``exact`` or ``machine``.
        setup: leading instructions that load constants once, before the first run, and whose cycles are no part of a
            run's (``rnncc.program.setup``).
        source_map: for each instruction "ONNX node / operation", or empty.
        hosts: names of the host functions that ``host`` instructions call, by number.
        batch: the independent sequences that the program serves, where they have lengths of their own.
        report: facts of compilation for people; strings, numbers, lists and dicts of them.
        isa_version: ``rnncc.isa.table.ISA_VERSION`` of the words.
        cache: scratch of whoever runs the program; neither compared nor saved.
    """

    words: np.ndarray
    segments: tuple[Segment, ...]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    machine: MachineDescription
    symbols: dict[str, Symbol] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)
    scale: dict[str, int] = field(default_factory=lambda: {"dram": 1, "wmem": 1, "vmem": 1})
    numerics: str = "exact"
    setup: int = 0
    source_map: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    batch: Batch | None = None
    report: dict[str, Any] = field(default_factory=dict)
    isa_version: int = ISA_VERSION
    cache: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def build(cls, instructions: Sequence[Instruction], **parts: Any) -> Program:
        """A program from decoded instructions.

        Args:
            instructions: all of them; encoded here.
            parts: the other attributes of ``Program``.

        Raises:
            CapacityError, ProgramError: an instruction cannot be encoded (``rnncc.isa.encode``).
        """
        program = cls(words=encode_all(instructions), **parts)
        program.__dict__["instructions"] = tuple(instructions)
        return program

    @cached_property
    def instructions(self) -> tuple[Instruction, ...]:
        """The decoded words; ProgramError when a word is no instruction."""
        return tuple(decode_all(self.words))

    @cached_property
    def segment(self) -> dict[str, Segment]:
        """Segment by name."""
        return {segment.name: segment for segment in self.segments}

    @cached_property
    def ports(self) -> tuple[tuple[int, int], ...]:
        """DRAM addresses [low, high) of the inputs and outputs."""
        kinds = ("input", "output")
        return tuple((s.address, s.end) for s in self.segments if s.kind in kinds)

    def capacity(self, memory: str) -> int:
        """Container bytes of a memory: its size times ``scale``."""
        return self.machine.memories[memory].size * self.scale[memory]

    def validate(self) -> None:
        """Check the whole program; ProgramError with what is wrong and where. See ``rnncc.program.validate``."""
        from rnncc.program.validate import validate

        validate(self)

    def run(self, inputs: Mapping[str, Any] | None, **options: Any) -> Result:
        """Run on the simulated machine: ``program.run({"x": array}).outputs``.

        See :func:`rnncc.runtime.run_program` for the options and errors.
        """
        from rnncc.runtime import run_program

        return run_program(self, inputs, **options)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the program as an ``.rnx`` file, atomically; InputError when it cannot be written."""
        from rnncc.program.file import save

        save(self, path)
