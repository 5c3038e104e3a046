"""What every operation of the onnx dialect shares: text form, verifier, access to its schema.

The text form is in `rnncc.dialects._onnx_text`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from xdsl.dialects.builtin import IntegerAttr, i64
from xdsl.ir import Attribute, Operation, Region, SSAValue
from xdsl.irdl import AttrSizedOperandSegments, AttrSizedResultSegments, IRDLOperation
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from rnncc.dialects._onnx_schema import Form
from rnncc.dialects._onnx_text import parse_operation, print_operation

VERSION = "since_version"


class OnnxOp(IRDLOperation):
    """Base of all operators of the onnx dialect; the classes themselves come from the schemas."""

    #: Operands, results, attributes and regions of this class.
    FORM: ClassVar[Form]

    if TYPE_CHECKING:
        # Operands, results, attributes and regions have the names the ONNX schema gives them.
        def __getattr__(self, name: str) -> Any: ...

    @classmethod
    def make(
        cls,
        operands: Sequence[SSAValue | None],
        results: Sequence[Attribute | None],
        properties: dict[str, Attribute],
        *,
        version: int,
        regions: Sequence[Region] = (),
        attributes: dict[str, Attribute] | None = None,
    ) -> OnnxOp:
        """An operation from operands and result types in ONNX order, None where absent.

        Args:
            operands: one entry an ONNX input; trailing absent ones may be left out.
            results: the type of each ONNX output, None where the output is not asked for.
            properties: the ONNX attributes (defaults need not be given).
            version: since-version whose meaning the operation has.
            regions: one for each graph attribute, in the order of ``FORM.regions``.
            attributes: discardable attributes, such as ``onnx.node``.

        Raises:
            VerifyException: the operands or results do not fit the operator.
        """
        form = cls.FORM
        given = {**form.defaults(version), **properties}
        given[VERSION] = IntegerAttr(version, i64)
        flat_operands, operand_sizes = _segments(cls.name, "operand", form.inputs, operands)
        flat_results, result_sizes = _segments(cls.name, "result", form.outputs, results)
        if form.operand_segments:
            given[AttrSizedOperandSegments.attribute_name] = _sizes(operand_sizes)
        if form.result_segments:
            given[AttrSizedResultSegments.attribute_name] = _sizes(result_sizes)
        return cls.create(
            operands=flat_operands,
            result_types=flat_results,
            properties=given,
            attributes=attributes or {},
            regions=list(regions),
        )

    @property
    def version(self) -> int:
        """Since-version of the operator whose meaning this operation has."""
        return cast(IntegerAttr, self.properties[VERSION]).value.data

    def inputs_by_position(self) -> list[SSAValue | None]:
        """The operands in ONNX order, None where an optional one is absent."""
        return _positions(self, self.FORM.inputs)

    def outputs_by_position(self) -> list[SSAValue | None]:
        """The results in ONNX order, None where an optional one is absent."""
        return _positions(self, self.FORM.outputs)

    def onnx_attributes(self) -> dict[str, Any]:
        """The ONNX attributes as Python values (ndarray for a tensor), defaults included."""
        from rnncc.dialects._onnx_attributes import from_attribute

        names = self.FORM.attributes
        return {n: from_attribute(a) for n, a in self.properties.items() if n in names}

    def verify_(self) -> None:
        """Check attributes, types and regions against the operator's schema."""
        form = self.FORM
        if self.version not in form.versions:
            known = ", ".join(map(str, sorted(form.versions)))
            raise VerifyException(f"{self.name} has no since-version {self.version}, only {known}")
        for name in form.required(self.version):
            if name not in self.properties:
                raise VerifyException(f"{self.name} needs the attribute '{name}'")
        form.check_types(self.version, self.inputs_by_position(), self.outputs_by_position())
        for name, region in zip(form.regions, self.regions, strict=True):
            block = region.blocks.first
            if block is None or block.last_op is None or block.last_op.name != "onnx.Yield":
                raise VerifyException(f"{self.name}: region '{name}' must end with onnx.Yield")

    @classmethod
    def parse(cls, parser: Parser) -> OnnxOp:
        """Read the text form that `print` writes."""
        return parse_operation(cls, parser)

    def print(self, printer: Printer) -> None:
        """Write the text form that `rnncc.dialects._onnx_text` describes."""
        print_operation(self, printer)


def _sizes(sizes: Sequence[int]) -> Attribute:
    from xdsl.dialects.builtin import DenseArrayBase, i32

    return DenseArrayBase.from_list(i32, list(sizes))


def _segments(op: str, what: str, formals: Sequence, given: Sequence) -> tuple[list, list[int]]:
    """The entries that are present, and how many each formal parameter takes."""
    flat, sizes = [], []
    position = 0
    for formal in formals:
        taken = given[position:] if formal.variadic else given[position : position + 1]
        position += len(taken)
        present = [entry for entry in taken if entry is not None]
        if formal.single and not present:
            raise VerifyException(f"{op}: {what} '{formal.name}' is required")
        if formal.variadic and len(present) != len(taken):
            raise VerifyException(f"{op}: an absent {what} among the variadic '{formal.name}'")
        flat += present
        sizes.append(len(present))
    if position < len(given):
        raise VerifyException(f"{op}: {len(given)} {what}s given, at most {position} taken")
    return flat, sizes


def _positions(op: OnnxOp, formals: Sequence) -> list[SSAValue | None]:
    entries: list[SSAValue | None] = []
    for formal in formals:
        value = getattr(op, formal.field)
        if formal.variadic:
            entries.extend(value)
        else:
            entries.append(value)
    while entries and entries[-1] is None:
        entries.pop()
    return entries


def is_onnx(op: Operation) -> bool:
    """Whether an operation is an operator of the onnx dialect (not its terminator)."""
    return isinstance(op, OnnxOp)
