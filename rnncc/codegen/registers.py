"""Scalar registers by linear scan over program order.

Run-time lengths own the first registers (the runtime presets them); r0 reads zero. A value that
is defined outside a loop and used inside it lives to the loop's end. What nothing needs, and what
is a known constant that fits an instruction, gets no register and so no instruction.
Source: Poletto and Sarkar, "Linear scan register allocation" (1999).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping

from xdsl.dialects.func import FuncOp
from xdsl.ir import Block, Operation, SSAValue

from rnncc.codegen.constants import Constants
from rnncc.dialects import npu
from rnncc.errors import CapacityError
from rnncc.isa.instruction import REGISTERS
from rnncc.program import Symbol


def assign_registers(
    function: FuncOp, constants: Constants, maxima: Mapping[str, int]
) -> tuple[dict[SSAValue, int], dict[str, Symbol]]:
    """Registers of all scalars that need one, and those of the run-time lengths.

    Args:
        function: the allocated function.
        constants: known scalars.
        maxima: symbols of the function and their maxima.

    Raises:
        CapacityError: more scalars are alive at once than there are registers.
    """
    symbols = {
        name: Symbol(maximum, number) for number, (name, maximum) in enumerate(maxima.items(), 1)
    }
    if len(symbols) >= REGISTERS:
        raise CapacityError(f"{len(symbols)} run-time lengths need more than {REGISTERS} registers")
    scan = _Scan(constants)
    scan.walk(function.body.block, [])
    registers: dict[SSAValue, int] = {}
    free = list(range(len(symbols) + 1, REGISTERS))
    busy: list[tuple[int, int]] = []
    for value in sorted(scan.end, key=lambda v: scan.start[v]):
        owner = value.owner
        if isinstance(owner, npu.LengthOp):
            registers[value] = symbols[owner.symbol.data].register
            continue
        if constants.value(value) == 0:
            registers[value] = 0
            continue
        while busy and busy[0][0] < scan.start[value]:
            heapq.heappush(free, heapq.heappop(busy)[1])
        if not free:
            raise CapacityError(
                f"more than {REGISTERS - 1} scalars are alive at once",
                hint="fix more dimensions of the model (--shape)",
            )
        registers[value] = heapq.heappop(free)
        heapq.heappush(busy, (scan.end[value], registers[value]))
    return registers, symbols


class _Scan:
    """Live intervals of the scalars that need a register."""

    def __init__(self, constants: Constants):
        self.constants = constants
        self.start: dict[SSAValue, int] = {}
        self.end: dict[SSAValue, int] = {}
        self.inside: dict[SSAValue, int] = {}
        """Number of loops around the definition."""
        self.clock = 0
        self.pending: list[tuple[int, SSAValue]] = []

    def walk(self, block: Block, loops: list[list[SSAValue]]) -> None:
        """Number a block's operations; `loops` collects, per loop, what must live to its end."""
        for op in block.ops:
            self.clock += 1
            for value in op.results:
                self.start[value] = self.clock
                self.inside[value] = len(loops)
            for value in uses(op, self.constants):
                self._use(value, loops)
            if isinstance(op, npu.LoopOp):
                self.start[op.index] = self.end[op.index] = self.clock
                kept: list[SSAValue] = [op.index]
                loops.append(kept)
                self.inside[op.index] = len(loops)
                self.walk(op.body.block, loops)
                loops.pop()
                self.clock += 1
                for value in kept:
                    self.end[value] = self.clock
            elif isinstance(op, npu.IfOp):
                self.walk(op.then_region.block, loops)
                self.clock += 1
                self.walk(op.else_region.block, loops)

    def _use(self, value: SSAValue, loops: list[list[SSAValue]]) -> None:
        self.end[value] = self.clock
        depth = self.inside[value]
        if depth < len(loops):
            # The next turn of the outermost loop that it crosses needs it again.
            loops[depth].append(value)


def uses(op: Operation, constants: Constants) -> Iterator[SSAValue]:
    """Registers that an operation's instruction reads; a scalar nobody needs reads nothing."""
    if isinstance(op, npu.InstructionOp):
        for view in op.views:
            yield from _moving(view, constants)
        for dim in op.dims:
            if dim is not None and constants.value(dim) is None:
                yield dim
    elif isinstance(op, npu.ReadOp):
        if constants.needed(op.result):
            yield from _moving(op.view, constants)
    elif isinstance(op, npu.ScalarOp):
        if constants.needed(op.result) and constants.value(op.result) is None:
            a, b, _ = constants.split(op)
            yield a
            if b is not None:
                yield b
    elif isinstance(op, npu.LoopOp):
        if op.count is not None and constants.value(op.count) is None:
            yield op.count
    elif isinstance(op, npu.IfOp | npu.BreakOp) and constants.value(op.condition) is None:
        yield op.condition


def _moving(view: SSAValue, constants: Constants) -> Iterator[SSAValue]:
    owner = view.owner
    assert isinstance(owner, npu.ViewOp)
    index = owner.index
    if index is not None and owner.index_stride.value.data and constants.value(index) is None:
        yield index
