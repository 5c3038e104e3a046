"""Building npu operations: scopes, registers, views, allocations, loops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import gcd
from typing import Any

from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

from rnncc.dialects import npu
from rnncc.dialects._types import NODE_ATTR
from rnncc.isa.scalar import evaluate
from rnncc.passes._lower.dims import Dim
from rnncc.passes._lower.ref import Index, Ref


@dataclass
class Scope:
    """One open block: the function's (depth 0), a loop's body, or one way of a branch."""

    block: Block
    index: SSAValue | None = None
    """The index of a loop."""
    cache: dict[Any, Any] = field(default_factory=dict)


class Emitter:
    """Appends operations to the innermost open block, or to an outer one.

    A loop or branch is appended to its parent only when its body is complete: what is emitted at
    an outer depth meanwhile therefore runs before it.
    """

    def __init__(self, block: Block):
        self.scopes = [Scope(block)]
        self.node: Attribute | None = None
        self._levels: dict[SSAValue, int] = {}

    @property
    def depth(self) -> int:
        """Depth of the innermost open block."""
        return len(self.scopes) - 1

    @property
    def scope(self) -> Scope:
        """The innermost open block."""
        return self.scopes[-1]

    def add(self, op: Operation) -> Operation:
        """Append an operation, with the name of the ONNX node being lowered."""
        if self.node is not None:
            op.attributes[NODE_ATTR] = self.node
        self.scope.block.add_op(op)
        return op

    @contextmanager
    def at(self, depth: int) -> Iterator[None]:
        """Emit at an outer depth for a while."""
        saved = self.scopes
        self.scopes = saved[: depth + 1]
        try:
            yield
        finally:
            self.scopes = saved

    @contextmanager
    def loop(self, count: Dim) -> Iterator[SSAValue]:
        """Open a loop of `count` turns; gives its index."""
        turns = self.extent(count)
        block = Block(arg_types=[npu.REG])
        index = block.args[0]
        self.scopes = [*self.scopes, Scope(block, index)]
        self._levels[index] = self.depth
        yield index
        self.scopes = self.scopes[:-1]
        op = npu.LoopOp(turns, Region(block), count.size)
        self.add(op)

    @contextmanager
    def branch(self) -> Iterator[Block]:
        """Open one way of a branch; gives its block, for the `npu.if` that the caller adds."""
        block = Block()
        self.scopes = [*self.scopes, Scope(block)]
        yield block
        self.scopes = self.scopes[:-1]

    def home(self, depth: int, key: Any = None) -> int:
        """The depth at which to make what is fixed at `depth`, or has been made under `key`.

        That is out of all loops in between, but not out of a branch: what only one way needs is
        not made when the other is taken.
        """
        while depth < self.depth and self.scopes[depth + 1].index is None:
            if key is not None and key in self.scopes[depth].cache:
                break
            depth += 1
        return depth

    # Registers

    def level_of(self, value: Index) -> int:
        """Depth at which a register is known."""
        return 0 if isinstance(value, int) else self._levels.get(value, 0)

    def register(self, op: Any) -> SSAValue:
        """Append an operation that makes a register."""
        self.add(op)
        self._levels[op.result] = self.depth
        return op.result

    def _cached(self, depth: int, key: Any, make) -> SSAValue:
        with self.at(self.home(depth, key)):
            cache = self.scope.cache
            if key not in cache:
                cache[key] = self.register(make())
            return cache[key]

    def reg(self, value: Index) -> SSAValue:
        """A register that holds a number."""
        if isinstance(value, int):
            return self._cached(0, ("imm", value), lambda: npu.ImmediateOp(value))
        return value

    def length(self, symbol: str) -> SSAValue:
        """The register of a run-time length."""
        return self._cached(0, ("length", symbol), lambda: npu.LengthOp(symbol))

    def scalar(self, kind: str, a: Index, b: Index) -> Index:
        """``a kind b``, folded where known, computed in the outermost loop where it is fixed."""
        if isinstance(a, int) and isinstance(b, int):
            return evaluate(kind, a, b)
        if isinstance(b, int) and (kind, b) in NEUTRAL:
            return a
        depth = max(self.level_of(a), self.level_of(b))
        x, y = self.reg(a), self.reg(b)
        return self._cached(depth, (kind, x, y), lambda: npu.ScalarOp(kind, x, y))

    def extent(self, dim: Dim) -> Index:
        """The number of elements of an extent, as a number or a register."""
        return dim.size if dim.reg is None else self.scalar("mul", dim.reg, dim.scale)

    # Buffers and views

    def alloc(
        self, dims: Sequence[Dim], element: Attribute, memory: str = "vmem", name: str = ""
    ) -> Ref:
        """A new contiguous buffer at the largest size."""
        sizes = [d.size for d in dims]
        op = npu.AllocOp(sizes or [1], element, memory, name)
        self.add(op)
        return Ref(op.buffer, tuple(dims), npu.row_major(sizes), level=self.depth)

    def staging(self, like: Ref, memory: str = "vmem", name: str = "") -> Ref:
        """A gapless buffer for the elements of `like`, in the order in which they lie.

        In the weight memory a matrix lies row by row, however its source does.

        When the innermost loop moves the window, the buffer is one of two that take turns: while
        one is computed with, the next turn's data can already arrive in the other.
        """
        order = list(range(len(like.dims)))
        if memory != "wmem":
            order.sort(key=lambda i: -abs(like.strides[i]))
        dims = [like.dims[i] for i in order]
        scope = self.scope
        moves = any(self.level_of(reg) == self.depth for reg, _ in like.index)
        if scope.index is None or not moves:
            new = self.alloc(dims, like.element, memory, name)
        else:
            with self.at(self.depth - 1):
                pair = self.alloc([Dim(2), *dims], like.element, memory, name)
            parity = self.scalar("mod", scope.index, 2)
            new = replace(pair.at(0, parity), level=self.depth)
        return new.transpose([order.index(i) for i in range(len(order))])

    def view(self, ref: Ref, strides: Sequence[int] = (0, 0, 0)) -> SSAValue:
        """The npu view that walks `ref`'s buffer with three strides."""
        terms: dict[SSAValue, int] = {}
        for reg, stride in ref.index:
            terms[reg] = terms.get(reg, 0) + stride
        terms = {r: s for r, s in terms.items() if s}
        unit = gcd(*terms.values()) if terms else 0
        index: Index = 0
        if len(terms) == 1:
            ((index, unit),) = terms.items()
        else:
            for reg, stride in terms.items():
                index = self.scalar("add", self.scalar("mul", reg, stride // unit), index)
        if isinstance(index, int):
            view = npu.ViewOp(ref.buffer, ref.offset, strides)
        else:
            view = npu.ViewOp(ref.buffer, ref.offset, strides, index, unit)
        self.add(view)
        return view.result

    @staticmethod
    def shape(dims: Sequence[Dim]) -> dict[str, Any]:
        """Extents and registers of an instruction over three dimensions."""
        return {
            "extents": [d.size if d.reg is None else d.scale for d in dims],
            "dims": [d.reg for d in dims],
        }


NEUTRAL = {("add", 0), ("sub", 0), ("mul", 1), ("div", 1), ("ceildiv", 1)}
