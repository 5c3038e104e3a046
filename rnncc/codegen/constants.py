"""Scalars whose value is known: they become fields of instructions instead of registers."""

from __future__ import annotations

from xdsl.ir import Operation, SSAValue

from rnncc.dialects import npu
from rnncc.isa.scalar import evaluate


class Constants:
    """Known values of registers, found once."""

    def __init__(self) -> None:
        self.known: dict[SSAValue, int | None] = {}
        self.need: dict[SSAValue, bool] = {}

    def value(self, register: SSAValue | None) -> int | None:
        """The value that a register always has, or None."""
        if register is None:
            return None
        if register not in self.known:
            self.known[register] = self._find(register)
        return self.known[register]

    def _find(self, register: SSAValue) -> int | None:
        owner = register.owner
        if isinstance(owner, npu.ImmediateOp):
            return owner.value.value.data
        if isinstance(owner, npu.ScalarOp):
            a, b = self.value(owner.a), self.value(owner.b)
            divides = owner.kind.data in ("div", "ceildiv", "mod")
            if a is not None and b is not None and not (divides and b == 0):
                return evaluate(owner.kind.data, a, b)
        return None

    def split(self, op: npu.ScalarOp) -> tuple[SSAValue, SSAValue | None, int]:
        """How ``a kind b`` is computed: first register, second register or None, immediate."""
        a, b = self.value(op.a), self.value(op.b)
        if b is not None:
            return op.a, None, b
        if a is not None and op.kind.data in COMMUTATIVE:
            return op.b, None, a
        return op.a, op.b, 0

    def needed(self, register: SSAValue) -> bool:
        """Whether some instruction in the end depends on what a register holds."""
        if register not in self.need:
            self.need[register] = any(self._reads(use.operation, register) for use in register.uses)
        return self.need[register]

    def _reads(self, user: Operation, register: SSAValue) -> bool:
        if isinstance(user, npu.ScalarOp):
            if self.value(user.result) is not None or not self.needed(user.result):
                return False
            return register in self.split(user)[:2]
        return self.value(register) is None


COMMUTATIVE = frozenset(("add", "mul", "min", "max", "eq", "ne", "and", "or", "xor"))
