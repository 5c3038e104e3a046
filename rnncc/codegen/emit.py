"""Operations to instructions, in program order."""

from __future__ import annotations

from dataclasses import replace

from xdsl.dialects.func import ReturnOp
from xdsl.ir import Block, Operation, SSAValue

from rnncc.codegen.constants import Constants
from rnncc.codegen.forms import instruction_form
from rnncc.codegen.layout import Layout
from rnncc.dialects import npu
from rnncc.dialects._types import node_name, numpy_dtype
from rnncc.errors import PassError
from rnncc.isa.instruction import Extent, Instruction, Operand

_NO_INSTRUCTION = (
    npu.AllocOp,
    npu.ConstOp,
    npu.InputOp,
    npu.OutputOp,
    npu.ViewOp,
    npu.LengthOp,
    ReturnOp,
)
"""What says where something is (`Layout`, `assign_registers`) and does nothing itself."""


def is_setup(op: Operation) -> bool:
    """Whether an operation is a load that is done once, into a buffer that still is one that stays."""
    if npu.PERSISTENT not in op.attributes or not isinstance(op, npu.DmaOp):
        return False
    return npu.PERSISTENT in npu.buffer_of(op.dst).owner.attributes  # type: ignore[union-attr]


class Emitter:
    """Collects instructions and their source map."""

    def __init__(self, layout: Layout, registers: dict[SSAValue, int], constants: Constants):
        self.layout = layout
        self.registers = registers
        self.constants = constants
        self.instructions: list[Instruction] = []
        self.source_map: list[str] = []
        self.operands: dict[tuple[SSAValue, tuple[int, ...], bool], Operand] = {}
        self.types: dict[object, str] = {}

    def setup(self, block: Block) -> int:
        """Emit what is done once, before the first run; returns how many instructions that is."""
        for op in block.ops:
            if isinstance(op, npu.DmaOp) and is_setup(op) and not self._empty(op):
                self._add(self._instruction(op), op)
        return len(self.instructions)

    def run(self, block: Block) -> None:
        """Emit a block, but for what `setup` emits."""
        for op in block.ops:
            if isinstance(op, npu.InstructionOp):
                if is_setup(op):
                    continue
                if not self._empty(op):
                    self._add(self._instruction(op), op)
            elif isinstance(op, npu.ScalarOp | npu.ImmediateOp | npu.ReadOp):
                self._scalar(op)
            elif isinstance(op, npu.LoopOp):
                self._loop(op)
            elif isinstance(op, npu.IfOp):
                self._if(op)
            elif isinstance(op, npu.BreakOp):
                self._break(op)
            elif not isinstance(op, _NO_INSTRUCTION):
                raise PassError(f"{op.name} is no instruction, and has none that does its work")

    def halt(self) -> None:
        """Emit the end of the program."""
        self.instructions.append(Instruction("halt"))
        self.source_map.append("")

    def _add(self, instruction: Instruction, op: Operation) -> int:
        node = node_name(op)
        short = op.name.removeprefix("npu.")
        self.source_map.append(f"{node} / {short}" if node else short)
        self.instructions.append(instruction)
        return len(self.instructions) - 1

    def _aim(self, number: int) -> None:
        """Let a jump go to the next instruction."""
        target = len(self.instructions)
        self.instructions[number] = replace(self.instructions[number], target=target)

    def _loop(self, op: npu.LoopOp) -> None:
        known = self.constants.value(op.count)
        if op.maximum == 0 or (known is not None and known <= 0):
            return
        count = op.maximum if known is None else known
        ra = 0 if op.count is None or known is not None else self.registers[op.count]
        loop = Instruction("loop", imm=(count,), rd=self.registers[op.index], ra=ra)
        start = self._add(loop, op)
        self.run(op.body.block)
        self._aim(start)
        self._add(Instruction("endloop"), op)

    def _if(self, op: npu.IfOp) -> None:
        known = self.constants.value(op.condition)
        if known is not None:
            self.run(op.then_region.block if known else op.else_region.block)
            return
        branch = self._add(Instruction("beqz", ra=self.registers[op.condition]), op)
        self.run(op.then_region.block)
        if op.else_region.block.ops.first is not None:
            skip = self._add(Instruction("jmp"), op)
            self._aim(branch)
            self.run(op.else_region.block)
            self._aim(skip)
        else:
            self._aim(branch)

    def _break(self, op: npu.BreakOp) -> None:
        known = self.constants.value(op.condition)
        if known is None:
            self._add(Instruction("breakz", ra=self.registers[op.condition]), op)
        elif not known:
            self._add(Instruction("breakz"), op)

    def _scalar(self, op: npu.ScalarOp | npu.ImmediateOp | npu.ReadOp) -> None:
        register = self.registers.get(op.result, 0)
        if not register or not self.constants.needed(op.result):
            return
        known = self.constants.value(op.result)
        if known is not None:
            self._add(Instruction("s.imm", imm=(known,), rd=register), op)
        elif isinstance(op, npu.ReadOp):
            operand = self._operand(op.view, (), weights=False)
            types = (self._type(op.view),)
            self._add(Instruction("s.read", types=types, operands=(operand,), rd=register), op)
        elif isinstance(op, npu.ScalarOp):
            a, b, immediate = self.constants.split(op)
            scalar = Instruction("s", op.kind.data, rd=register, ra=self.registers[a])
            if b is None:
                self._add(replace(scalar, imm=(immediate,)), op)
            else:
                self._add(replace(scalar, rb=self.registers[b]), op)

    def _empty(self, op: npu.InstructionOp) -> bool:
        """Whether an instruction writes nothing."""
        extents = op.extent_values
        return any(extents[axis] == 0 for axis in op.AXES.get("dst", (0, 1, 2)))

    def _instruction(self, op: npu.InstructionOp) -> Instruction:
        name, kind, immediates = instruction_form(op)
        weights = isinstance(op, npu.DmaOp) and npu.memory_of(op.dst) == "wmem"
        operands = []
        for which, view in zip(op.VIEWS, op.views, strict=True):
            axes = tuple(axis for axis, _, _ in op.counts(which))
            operands.append(self._operand(view, axes, weights=weights))
        types = tuple(self._type(view) for view in op.views)
        extents = tuple(
            self._extent(count, dim) for count, dim in zip(op.extent_values, op.dims, strict=True)
        )
        return Instruction(
            name, kind, types, (extents[0], extents[1], extents[2]), tuple(operands), immediates
        )

    def _extent(self, count: int, dim: SSAValue | None) -> Extent:
        if dim is None:
            return Extent(count)
        known = self.constants.value(dim)
        return Extent(count, self.registers[dim]) if known is None else Extent(count * known)

    def _type(self, view: SSAValue) -> str:
        element = npu.element_of(view)
        if element not in self.types:
            self.types[element] = str(element)
        return self.types[element]

    def _operand(self, view: SSAValue, axes: tuple[int, ...], *, weights: bool) -> Operand:
        key = (view, axes, weights)
        if key not in self.operands:
            self.operands[key] = self._make_operand(view, axes, weights)
        return self.operands[key]

    def _make_operand(self, view: SSAValue, axes: tuple[int, ...], weights: bool) -> Operand:
        owner = view.owner
        assert isinstance(owner, npu.ViewOp)
        size = numpy_dtype(npu.element_of(view)).itemsize
        offset, step = owner.offset.value.data, owner.index_stride.value.data
        register = 0
        if owner.index is not None and step:
            known = self.constants.value(owner.index)
            if known is None:
                register = self.registers[owner.index]
            else:
                offset, step = offset + known * step, 0
        s = tuple(
            stride * size if axis in axes else 0 for axis, stride in enumerate(owner.stride_values)
        )
        return Operand(
            npu.memory_of(view),
            self.layout.base(owner.buffer, weights) + offset * size,
            register,
            step * size if register else 0,
            (s[0], s[1], s[2]),
        )
