"""The decoded form of one instruction: what codegen produces and the simulator runs.

Everything is in bytes and registers; names of operations, kinds and element types are those of
``rnncc.isa.table``. The dataclasses hold any values: ``rnncc.isa.encode`` says what fits a word and
``rnncc.program`` what a program may contain.
"""

from __future__ import annotations

from dataclasses import dataclass

REGISTERS = 32
"""Scalar registers r0 to r31 of 64 bits; r0 always reads 0 and writes to it are lost."""


@dataclass(frozen=True, slots=True)
class Extent:
    """One of the three loop bounds of a tensor instruction.

    Attributes:
        value: elements; the whole bound when ``reg`` is 0.
        reg: register that multiplies ``value`` (the bound is value * R[reg]); 0 = none.
    """

    value: int = 1
    reg: int = 0

    def __str__(self) -> str:
        return f"{self.value}*r{self.reg}" if self.reg else str(self.value)


ONES = (Extent(1), Extent(1), Extent(1))


@dataclass(frozen=True, slots=True)
class Operand:
    """Where the elements of one tensor operand lie.

    The address of element (e0, e1, e2) is
    ``base + R[index] * index_stride + e0 * strides[0] + e1 * strides[1] + e2 * strides[2]``, in
    bytes.

    Attributes:
        memory: ``dram``, ``wmem`` or ``vmem``.
        base: byte address, unsigned.
        index: register of the index; 0 = none (``index_stride`` is then 0).
        index_stride: bytes an index step, signed.
        strides: bytes a step of e0, e1, e2, signed; 0 repeats the element. A stride of an axis that
            the operand does not have (see ``OperandSpec.axes``) is 0.
    """

    memory: str
    base: int
    index: int = 0
    index_stride: int = 0
    strides: tuple[int, int, int] = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction.

    Attributes:
        op: operation, a key of ``rnncc.isa.table.INSTRUCTIONS`` (``"binary"``, ``"s.imm"``).
        kind: sub-operation (``"add"``), "" where the operation has none.
        types: element type of each operand (``"f32"``), as many as ``operands``.
        extents: bounds e0, e1, e2; tensor instructions only, ``ONES`` elsewhere.
        operands: destination first.
        imm: immediates in the order of ``InstructionSpec.immediates``. ``s.<kind>`` has either none
            (second operand in ``rb``) or one (second operand is the immediate).
        rd: destination register; for ``loop`` the register of the index.
        ra: first source register; for ``loop`` the count (0 = the immediate is the count), for
            ``beqz`` the condition.
        rb: second source register of ``s.<kind>``.
        target: index of an instruction in the program: for ``loop`` its ``endloop``, for ``jmp``
            and ``beqz`` where to go on.
    """

    op: str
    kind: str = ""
    types: tuple[str, ...] = ()
    extents: tuple[Extent, Extent, Extent] = ONES
    operands: tuple[Operand, ...] = ()
    imm: tuple[float | int, ...] = ()
    rd: int = 0
    ra: int = 0
    rb: int = 0
    target: int = 0

    @property
    def mnemonic(self) -> str:
        """The name in assembler text: ``op`` or ``op.kind``."""
        return f"{self.op}.{self.kind}" if self.kind else self.op
