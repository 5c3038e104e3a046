"""What all instruction operations of the npu dialect share: extents, text, checks, effects.

An instruction has no results. Its operands are views, the destination first, then up to
three registers that multiply the extents. ``[4 * %n, 1, 256]`` is ``e0 = 4*%n, e1 = 1, e2 = 256``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from xdsl.dialects.builtin import (
    DenseArrayBase,
    i32,
)
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    opt_operand_def,
    prop_def,
    traits_def,
)
from xdsl.parser import Parser
from xdsl.pattern_rewriter import RewritePattern
from xdsl.printer import Printer
from xdsl.traits import (
    EffectInstance,
    HasCanonicalizationPatternsTrait,
    MemoryEffect,
    MemoryEffectKind,
)
from xdsl.utils.exceptions import VerifyException

from rnncc.dialects._npu_memory import ConstOp, InputOp
from rnncc.dialects._npu_reach import address_range, element_of, static_span
from rnncc.dialects._npu_text import parse_instruction, print_instruction
from rnncc.dialects._npu_types import RESOURCES, RegType, int_array, int_values, memory_of
from rnncc.dialects._npu_view import ViewOp

Dims = Sequence[SSAValue | Operation | None]


_NO_DIMS = (None, None, None)


class InstructionEffects(MemoryEffect):
    """Reads of the sources and a write of the destination, each on its memory."""

    @classmethod
    def get_effects(cls, op: Operation) -> set[EffectInstance]:
        """One effect an operand view."""
        assert isinstance(op, InstructionOp)
        effects = {
            EffectInstance(MemoryEffectKind.READ, v, RESOURCES[memory_of(v)]) for v in op.reads
        }
        effects.add(EffectInstance(MemoryEffectKind.WRITE, op.dst, RESOURCES[memory_of(op.dst)]))
        return effects


class _InstructionPatterns(HasCanonicalizationPatternsTrait):
    """Patterns that hold for every instruction."""

    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        """Empty instructions go; constant registers fold into the extents."""
        from rnncc.dialects._npu_canonicalize import DropEmpty, DropSelfMove, FoldExtents

        return (DropEmpty(), DropSelfMove(), FoldExtents())


class InstructionOp(IRDLOperation):
    """Base of every instruction; see the module's docstring for the common parts."""

    VIEWS: ClassVar[tuple[str, ...]] = ("dst",)
    """Names of the view operands, the destination first."""
    WORDS: ClassVar[tuple[str, ...]] = ()
    """Names of string properties, printed as bare words before the operands."""
    NUMBERS: ClassVar[tuple[str, ...]] = ()
    """Names of optional numeric properties, printed as ``name value``."""
    FLAGS: ClassVar[tuple[str, ...]] = ()
    """Names of unit properties, printed as bare words after the extents."""
    AXES: ClassVar[dict[str, tuple[int, ...]]] = {}
    """Extents that an operand's strides walk; all three when absent."""
    MEMORIES: ClassVar[dict[str, tuple[str, ...]]] = {}
    """Legal memories of an operand; vector memory when absent."""
    ENGINE: ClassVar[str] = "vector"
    """Engine that runs it: dma, matrix or vector."""

    dim0 = opt_operand_def(RegType)
    """Register that multiplies the first extent."""
    dim1 = opt_operand_def(RegType)
    """Register that multiplies the second extent."""
    dim2 = opt_operand_def(RegType)
    """Register that multiplies the third extent."""
    if TYPE_CHECKING:
        dst: SSAValue  # every instruction defines it, as its first operand

    extents = prop_def(Attribute)
    """Three counts, outermost first."""

    traits = traits_def(InstructionEffects(), _InstructionPatterns())
    irdl_options = (AttrSizedOperandSegments(as_property=True),)

    def __init__(
        self,
        views: Sequence[SSAValue | Operation],
        extents: Sequence[int],
        dims: Dims = (None, None, None),
        properties: dict[str, Attribute | None] | None = None,
    ):
        super().__init__(
            operands=[*views, *([] if d is None else [d] for d in dims)],
            properties={"extents": int_array(tuple(int(e) for e in extents)), **(properties or {})},
        )

    @property
    def extent_values(self) -> tuple[int, int, int]:
        """The three static factors of the extents."""
        return int_values(self.extents)  # type: ignore[arg-type, return-value]

    def set_extents(self, extents: Sequence[int], dims: Sequence[SSAValue | None]) -> None:
        """Replace the extents and the registers that multiply them, in place."""
        self.operands = [*self.views, *(d for d in dims if d is not None)]
        self.properties["extents"] = int_array(tuple(extents))
        sizes = [1] * len(self.VIEWS) + [int(d is not None) for d in dims]
        self.properties["operandSegmentSizes"] = DenseArrayBase.from_list(i32, sizes)

    @property
    def dims(self) -> tuple[SSAValue | None, SSAValue | None, SSAValue | None]:
        """The registers that multiply the extents."""
        if len(self._operands) == len(self.VIEWS):
            return _NO_DIMS  # by far the usual case, and asked for often
        return self.dim0, self.dim1, self.dim2

    @property
    def views(self) -> tuple[SSAValue, ...]:
        """The view operands, destination first."""
        return tuple(self.operands[: len(self.VIEWS)])

    def counts(self, name: str) -> list[tuple[int, int, SSAValue | None]]:
        """The axes that an operand's strides walk: axis, static extent, register that multiplies it."""
        extents, dims = self.extent_values, self.dims
        return [(axis, extents[axis], dims[axis]) for axis in self.AXES.get(name, (0, 1, 2))]

    @property
    def reads(self) -> tuple[SSAValue, ...]:
        """The views that are read."""
        return tuple(self.operands[1 : len(self.VIEWS)])

    def verify_(self) -> None:
        """Three non-negative extents, legal memories, no write of a constant, views in bounds."""
        extents = self.extent_values
        if len(extents) != 3 or min(extents) < 0:
            raise VerifyException(f"{self.name} needs three extents of at least 0, got {extents}")
        for name, view in zip(self.VIEWS, self.views, strict=True):
            legal = self.MEMORIES.get(name, ("vmem",))
            if memory_of(view) not in legal:
                raise VerifyException(
                    f"{self.name}: {name} is in {memory_of(view)}, must be in {' or '.join(legal)}"
                )
            if isinstance(view.owner, ViewOp):
                self._verify_bounds(name, view.owner)
        if isinstance(self.dst.owner, ViewOp) and isinstance(
            self.dst.owner.buffer.owner, ConstOp | InputOp
        ):
            raise VerifyException(
                f"{self.name} writes to the read-only {self.dst.owner.buffer.owner.name}"
            )
        self.verify_types()

    def verify_types(self) -> None:
        """By default all views have one element type."""
        types = {element_of(v) for v in self.views}
        if len(types) != 1:
            names = ", ".join(str(element_of(v)) for v in self.views)
            raise VerifyException(f"{self.name}: element types differ: {names}")

    def _verify_bounds(self, name: str, view: ViewOp) -> None:
        span = static_span(self, name, view)
        if span is None:
            return
        low, high = address_range(view.buffer)
        if span[0] < low or span[1] > high:
            raise VerifyException(
                f"{self.name}: {name} reaches elements {span[0]} to {span[1] - 1}, "
                f"its buffer has {low} to {high - 1}"
            )

    def print(self, printer: Printer) -> None:
        """Print ``kind %dst, %a [n0, n1, n2] : !npu.view<...>, ...``."""
        print_instruction(self, printer)

    @classmethod
    def parse(cls, parser: Parser) -> InstructionOp:
        """Parse what `print` writes."""
        operands, properties, attributes = parse_instruction(cls, parser)
        op = cls.__new__(cls)
        IRDLOperation.__init__(op, operands=operands, properties=properties)
        op.attributes |= attributes
        return op


def require(condition: bool, message: str) -> None:
    """Raise a `VerifyException` with `message` unless `condition`."""
    if not condition:
        raise VerifyException(message)
