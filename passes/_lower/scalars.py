"""Arithmetic on step numbers and lengths that stays in registers: addresses, counts, conditions.

A tensor that only addresses, counts of steps and conditions of loops are made of is not computed at
all when a register can hold it: reading it back would make the control engine wait for the vector engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from xdsl.dialects.builtin import i1
from xdsl.ir import Operation, OpResult, SSAValue

from rnncc.dialects import nn, rnn
from rnncc.dialects._types import is_integer, shape_of, type_of
from rnncc.passes._lower.ref import Index

if TYPE_CHECKING:
    from rnncc.passes._lower.lowering import Lowering

KINDS = frozenset({"add", "sub", "mul", "min", "max", "and", "or", "xor"})
"""Kinds that mean the same on registers as on tensors."""
COMPARES = {"eq": "eq", "ne": "ne", "lt": "lt", "le": "le", "gt": "lt", "ge": "le"}
"""Comparison -> the registers' one; gt and ge with their operands exchanged."""


def derived(low: Lowering, value: SSAValue) -> Index | None:
    """The number in a tensor of one element, when it follows from registers and constants."""
    if value in low.registers:
        return low.registers[value]
    if not isinstance(value, OpResult) or not _whole(value):
        return None
    op = value.op
    if isinstance(op, nn.ConstantOp):
        array = nn.array_of(op.value)
        return int(array.reshape(-1)[0]) if array.size == 1 else None
    if isinstance(op, nn.ReduceOp):
        return _last_number(low, op)
    if any(n != 1 for n in shape_of(value)):
        return None
    if isinstance(op, nn.ReshapeOp | nn.CastOp):
        number = derived(low, op.x)
        truth = number is not None and type_of(value).get_element_type() == i1
        return low.scalar("ne", number, 0) if truth else number  # type: ignore[arg-type]
    if _scalar_form(op):
        a, b = derived(low, op.a), derived(low, op.b)
        return None if a is None or b is None else _compute(low, op, a, b)
    return None


def _scalar_form(op: Operation) -> TypeGuard[nn.BinaryOp | nn.CompareOp]:
    """Whether registers can do what an operation does, were its operands there."""
    if isinstance(op, nn.CompareOp):
        return is_integer(type_of(op.a).get_element_type())
    return isinstance(op, nn.BinaryOp) and op.kind.data in KINDS and _whole(op.result)


def _whole(value: SSAValue) -> bool:
    element = type_of(value).get_element_type()
    return is_integer(element) or element == i1


def _compute(low: Lowering, op: nn.BinaryOp | nn.CompareOp, a: Index, b: Index) -> Index:
    kind = op.kind.data
    if isinstance(op, nn.CompareOp):
        a, b = (b, a) if kind in ("gt", "ge") else (a, b)
        kind = COMPARES[kind]
    return low.scalar(kind, a, b)


def _last_number(low: Lowering, op: nn.ReduceOp) -> Index | None:
    """``max(0 .. n-1)``: how the nn dialect asks for a run-time length."""
    line = op.x.owner
    if not isinstance(line, nn.IotaOp) or op.kind.data != "max" or len(shape_of(op.x)) != 1:
        return None
    if op.axes.get_values() != (0,):
        return None
    (length,) = low.dims(op.x)
    return low.scalar("sub", low.extent(length), 1)


def in_register(low: Lowering, op: Operation) -> bool:
    """Leave out an operation whose result only addresses and counts are made of, where possible."""
    if not _all_registers(op.results[0]):
        return False
    number = derived(low, op.results[0])
    if number is None and _scalar_form(op):
        # One operand from memory, read once where it is known; the step number stays a register.
        if shape_of(op.result) or not any(derived(low, v) is not None for v in op.operands):
            return False
        a, b = (low.read(v) for v in op.operands)
        number = _compute(low, op, a, b)
    if number is None:
        return False
    low.registers[op.results[0]] = number
    return True


def _all_registers(value: SSAValue) -> bool:
    """Whether every use of a value is an address, a count of steps, or makes nothing but such."""
    uses = list(value.uses)
    return bool(uses) and all(_takes_register(u.operation, u.index) for u in uses)


def _takes_register(user: Operation, number: int) -> bool:
    if isinstance(user, nn.DynamicSliceOp):
        return number == 1
    if isinstance(user, nn.DynamicUpdateOp):
        return number == 2
    if isinstance(user, rnn.ScanOp | rnn.WhileOp):
        return user.steps is not None and number == len(user.operands) - 1
    if isinstance(user, rnn.YieldOp):
        loop = user.parent_op()
        return isinstance(loop, rnn.WhileOp) and user is loop.test
    if _scalar_form(user) and not shape_of(user.result):
        return _all_registers(user.result)
    return False
