"""What every operation of the onnx dialect shares: text form, verifier, access to its schema.

Text form, the same for all operators::

    %y, %yh = onnx.LSTM(%x, %w, %r, none, none, %h0) v22 {hidden_size = 8 : i64}
        : (tensor<..>, ...) -> (tensor<..>, tensor<..>)

An absent optional operand or result is written ``none``; absent trailing ones are left out. ``v22``
is the since-version whose meaning the operation has. Attributes that have their default are left
out. Regions follow the types: ``then_branch { ... } else_branch { ... }``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from xdsl.dialects.builtin import IntegerAttr, TensorType, i64
from xdsl.ir import Attribute, Operation, Region, SSAValue
from xdsl.irdl import AttrSizedOperandSegments, AttrSizedResultSegments, IRDLOperation
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from rnncc.dialects._onnx_schema import Form

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
        start = parser.pos

        def entry():
            if parser.parse_optional_keyword("none") is not None:
                return None
            return parser.parse_unresolved_operand()

        def kind():
            if parser.parse_optional_keyword("none") is not None:
                return None
            return parser.parse_type()

        unresolved = parser.parse_comma_separated_list(parser.Delimiter.PAREN, entry)
        version = cls.FORM.newest
        for candidate in cls.FORM.versions:
            if parser.parse_optional_keyword(f"v{candidate}") is not None:
                version = candidate
        names = cls.FORM.attributes
        attributes = parser.parse_optional_attr_dict()
        properties = {name: a for name, a in attributes.items() if name in names}
        rest = {name: a for name, a in attributes.items() if name not in names}
        parser.parse_punctuation(":")
        kinds = parser.parse_comma_separated_list(parser.Delimiter.PAREN, kind)
        parser.parse_punctuation("->")
        results = [parser.parse_type()] if not _open(parser) else _rest_of_list(parser, kind)
        if len(kinds) != len(unresolved):
            parser.raise_error(f"{len(unresolved)} operands but {len(kinds)} types", start)
        operands = [
            None if value is None or t is None else parser.resolve_operand(value, t)
            for value, t in zip(unresolved, kinds, strict=True)
        ]
        regions = []
        for name in cls.FORM.regions:
            parser.parse_keyword(name)
            regions.append(parser.parse_region())
        try:
            return cls.make(
                operands, results, properties, version=version, regions=regions, attributes=rest
            )
        except VerifyException as error:
            parser.raise_error(str(error), start)

    def print(self, printer: Printer) -> None:
        """Write the text form described at the top of this file."""
        inputs, outputs = self.inputs_by_position(), self.outputs_by_position()
        with printer.in_parens():
            printer.print_list(inputs, lambda v: _or_none(printer, v, printer.print_ssa_value))
        printer.print_string(f" v{self.version}")
        defaults = self.FORM.defaults(self.version)
        shown = {
            name: attribute
            for name, attribute in self.properties.items()
            if name in self.FORM.attributes and defaults.get(name) != attribute
        }
        printer.print_op_attributes({**shown, **self.attributes})
        printer.print_string(" : ")

        def kind(value: SSAValue) -> None:
            printer.print_attribute(value.type)

        with printer.in_parens():
            printer.print_list(inputs, lambda v: _or_none(printer, v, kind))
        printer.print_string(" -> ")
        if len(outputs) == 1 and outputs[0] is not None:
            kind(outputs[0])
        else:
            with printer.in_parens():
                printer.print_list(outputs, lambda v: _or_none(printer, v, kind))
        for name, region in zip(self.FORM.regions, self.regions, strict=True):
            printer.print_string(f" {name} ")
            printer.print_region(region)


def _or_none(printer: Printer, value: SSAValue | None, write) -> None:
    if value is None:
        printer.print_string("none")
    else:
        write(value)


def _open(parser: Parser) -> bool:
    return parser.parse_optional_punctuation("(") is not None


def _rest_of_list(parser: Parser, kind) -> list:
    if parser.parse_optional_punctuation(")") is not None:
        return []
    kinds = parser.parse_comma_separated_list(parser.Delimiter.NONE, kind)
    parser.parse_punctuation(")")
    return kinds


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


def tensor_like(value: SSAValue) -> TensorType | None:
    """The tensor type of a value, or None when it has another type."""
    return value.type if isinstance(value.type, TensorType) else None
