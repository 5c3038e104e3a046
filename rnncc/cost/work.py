"""What one execution of an instruction asks of a machine, apart from where its data lies.

The scheduler builds a ``Work`` before addresses exist, the simulator from a decoded instruction; both get their
cycles from the same ``rnncc.cost.cost``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import ceil, prod

from rnncc.isa.instruction import Instruction
from rnncc.isa.table import INSTRUCTIONS
from rnncc.isa.types import FLOAT_TYPES, ITEM_SIZES
from rnncc.machine.description import MachineDescription

Extents = tuple[int, int, int]
PRODUCTS = ("mm", "mma")


@dataclass(frozen=True, slots=True)
class Access:
    """One operand's traffic.

    Attributes:
        memory: ``dram``, ``wmem`` or ``vmem``.
        reads: the operand is read.
        writes: it is written.
        elements: distinct elements (an element repeated by a stride of 0 counts once).
        run: how many of them lie side by side; ``elements / run`` runs.
        native: bytes of one element in the machine's own format, perhaps a fraction.
        host: of ``dram``: it lies with the host, beyond a link of its own.
        padding: of weights on a machine that moves them as whole tiles: elements beyond the distinct ones that fill
            the tiles up and move too, in one run with them.
    """

    memory: str
    reads: bool
    writes: bool
    elements: int
    run: int
    native: float
    host: bool = False
    padding: int = 0

    @property
    def held(self) -> float:
        """Native bytes of the elements."""
        return self.elements * self.native

    @property
    def nbytes(self) -> float:
        """Native bytes that move: of the elements and of what fills their tiles up."""
        return (self.elements + self.padding) * self.native

    def charged(self, granule: int) -> float:
        """Native bytes that a memory with this granule moves: every run whole granules, if it is short or strided."""
        if self.padding or self.run >= self.elements:
            return max(self.nbytes, granule) if self.elements else 0.0
        return self.elements // self.run * (ceil(self.run * self.native / granule) * granule)


@dataclass(frozen=True, slots=True)
class Work:
    """One execution of an instruction.

    Attributes:
        op: operation, a key of ``rnncc.isa.table.INSTRUCTIONS``.
        kind: its kind.
        extents: actual bounds e0, e1, e2 (mm: m, n, k).
        accesses: one for each operand, destination first.
        element: element type of the last operand (what a product multiplies), "" for none.
    """

    op: str
    kind: str
    extents: Extents
    accesses: tuple[Access, ...]
    element: str

    @property
    def elements(self) -> int:
        """Points of the iteration space."""
        return prod(self.extents)

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        return self.elements if self.op in PRODUCTS else 0


def contiguous_run(extents: Sequence[int], strides: Sequence[int], size: int) -> tuple[int, int]:
    """Distinct elements of a strided walk and how many lie side by side.

    Args:
        extents: elements along each axis.
        strides: steps of each axis, in the unit of ``size``; 0 repeats.
        size: one element.

    Returns: (elements, run).
    """
    axes = sorted(
        (abs(stride), count)
        for stride, count in zip(strides, extents, strict=True)
        if count != 1 and stride
    )
    elements, run, dense = 1, 1, True
    for stride, count in axes:
        elements *= count
        if dense and stride == run * size:
            run *= count
        else:
            dense = False
    return (0, 1) if 0 in extents else (elements, run)


def native_bytes(machine: MachineDescription, element: str, memory: str, weights: bool) -> float:
    """Bytes the machine takes for an element.

    Args:
        machine: whose formats count for floating-point elements; others take their container.
        element: element type name.
        memory: where it lies.
        weights: it is on its way to wmem, so in the weights format wherever it lies.
    """
    if element not in FLOAT_TYPES:
        return ITEM_SIZES[element]
    return machine.native_bytes("wmem" if weights else memory)


def tile_padding(machine: MachineDescription, axes: Sequence[int], elements: int) -> int:
    """Elements that fill matrices of weights up to whole tiles, where such move; 0 on other machines.

    Args:
        machine: its ``dma.whole_weight_tiles`` and the array's tile of rows (n) x columns (k).
        axes: extents, the last two of them n and k.
        elements: distinct ones among them.

    Source: Jouppi et al., ISCA 2017: Read_Weights brings tiles of 64 KiB; a 600 x 600 matrix takes nine.
    """
    if not machine.dma.whole_weight_tiles:
        return 0
    *matrices, n, k = axes
    rows, columns = machine.matrix.rows, machine.matrix.columns
    whole = prod(matrices) * ceil(n / rows) * rows * ceil(k / columns) * columns
    return max(whole - elements, 0) if elements else 0


def work(
    machine: MachineDescription,
    op: str,
    kind: str,
    extents: Extents,
    operands: Sequence[tuple[str, str, tuple[int, int, int]]],
    host: Collection[int] = (),
) -> Work:
    """The work of an instruction from its operands.

    Args:
        machine: for the native formats.
        op: operation.
        kind: its kind.
        extents: actual bounds.
        operands: (memory, element type, strides in elements) of each operand, destination first.
        host: which of them are inputs or outputs of the program; counts on machines with a link to the host.
    """
    spec = INSTRUCTIONS[op]
    weights = any(memory == "wmem" for memory, _, _ in operands) and spec.engine == "dma"
    # A load of weights fills tiles up on both sides, unless they come from elsewhere on the chip.
    brought = ("wmem", "dram") if operands and operands[0][0] == "wmem" else ()
    accesses = []
    link = machine.dma.host_bytes_per_cycle > 0
    for place, (described, operand) in enumerate(zip(spec.operands, operands, strict=True)):
        memory, element, strides = operand
        axes = [extents[axis] for axis in described.axes]
        elements, run = contiguous_run(axes, [strides[axis] for axis in described.axes], 1)
        tiled = memory in brought if op == "dma" else op in PRODUCTS and memory == "wmem"
        accesses.append(
            Access(
                memory,
                described.reads,
                described.writes,
                elements,
                run,
                native_bytes(machine, element, memory, weights),
                link and place in host,
                tile_padding(machine, axes, elements) if tiled else 0,
            )
        )
    return Work(op, kind, extents, tuple(accesses), operands[-1][1] if operands else "")


def work_of_instruction(
    machine: MachineDescription,
    instruction: Instruction,
    extents: Extents,
    ports: Sequence[tuple[int, int]] = (),
) -> Work:
    """The work of a decoded instruction.

    Args:
        machine: where it runs.
        instruction: the instruction.
        extents: its actual bounds.
        ports: DRAM addresses [low, high) of the program's inputs and outputs.
    """
    host = [
        place
        for place, operand in enumerate(instruction.operands)
        if operand.memory == "dram" and any(low <= operand.base < high for low, high in ports)
    ]
    operands = []
    for operand, element in zip(instruction.operands, instruction.types, strict=True):
        size = ITEM_SIZES[element]
        s0, s1, s2 = (stride // size for stride in operand.strides)
        operands.append((operand.memory, element, (s0, s1, s2)))
    return work(machine, instruction.op, instruction.kind, extents, operands, host)
