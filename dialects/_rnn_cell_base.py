"""What the named cells ``rnn.lstm``, ``rnn.gru`` and ``rnn.elman`` share.

Normal form: one direction, time-major, activation defaults filled in, ONNX's gate orders
(LSTM i,o,f,c; GRU z,r,h). T is the number of steps, B the batch, D the features, h the hidden
size, G the number of gates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseArrayBase,
    FloatAttr,
    FunctionType,
    IntegerAttr,
    StringAttr,
    TensorType,
    UnitAttr,
    f32,
    i32,
    i64,
)
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from rnncc.dialects._activations import ACTIVATIONS
from rnncc.dialects._types import is_float, symbols_of, tensor_type, type_of

_SEGMENTS = "operandSegmentSizes"


class CellOp(IRDLOperation):
    """What the three cells share: operands x, w, r, bias, lens, h0, the directions, activations.

    With ``lens``, row b of the batch takes its first ``lens[b]`` steps only: its outputs after
    them are zero, its final state is the one after its last valid step (the initial state when it
    has none), and a reversed row starts at its own last valid element.
    """

    GATES: ClassVar[int]
    """Number of gates G: rows of ``w`` and ``r`` are G*h."""

    ACTIVATION_COUNT: ClassVar[int]
    """Number of activation functions."""

    OPTIONAL: ClassVar[tuple[str, ...]]
    """Names of the optional operands in their order."""

    x = operand_def(TensorType)
    """The sequence [T, B, D]."""
    w = operand_def(TensorType)
    """Input weights [G*h, D], gate after gate."""
    r = operand_def(TensorType)
    """Recurrence weights [G*h, h]."""
    bias = opt_operand_def(TensorType)
    """Input bias, then recurrence bias: [2*G*h]; zero when absent."""
    lens = opt_operand_def(TensorType)
    """Valid steps of each row, i32 [B]; all T when absent."""
    h0 = opt_operand_def(TensorType)
    """Initial hidden state [B, h]; zero when absent."""

    hidden = prop_def(IntegerAttr)
    """The hidden size h (i64)."""
    reverse = opt_prop_def(UnitAttr)
    """The sequence is read from its end; y stays in the order of x."""
    activations = prop_def(ArrayAttr[StringAttr])
    """Kinds of the activations, as of ``nn.unary``."""
    alphas = prop_def(DenseArrayBase.constr(f32))
    """alpha of each activation (f32; 0 where it takes none)."""
    betas = prop_def(DenseArrayBase.constr(f32))
    """beta of each activation (f32; 0 where it takes none)."""
    clip = opt_prop_def(FloatAttr)
    """Bound (f32): gate inputs are clipped to [-clip, clip] before their activation."""

    y = result_def(TensorType)
    """The hidden state after each step [T, B, h]."""
    h = result_def(TensorType)
    """The last valid hidden state [B, h]."""

    irdl_options = (AttrSizedOperandSegments(as_property=True),)

    traits = traits_def(Pure())

    def _types(self) -> list[TensorType]:
        """Result types: y, then one [B, h] for each final state."""
        return _result_types(self.x.type, self.hidden.value.data, len(self.results) - 1)

    def activation_list(self) -> list[tuple[str, float, float]]:
        """The activations as (kind, alpha, beta)."""
        kinds = [a.data for a in self.activations.data]
        alphas, betas = self.alphas.get_values(), self.betas.get_values()
        return [(k, float(a), float(b)) for k, a, b in zip(kinds, alphas, betas, strict=True)]

    def verify_(self) -> None:
        x = type_of(self.x)
        if not is_float(x.element_type):
            raise VerifyException(f"{self.name} computes on floats, not {x}")
        if len(x.get_shape()) != 3:
            raise VerifyException(f"{self.name} x must be [T, B, D], not {x}")
        _, batch, features = x.get_shape()
        hidden, gates = self.hidden.value.data, self.GATES
        expected = {
            "w": (gates * hidden, features),
            "r": (gates * hidden, hidden),
            "bias": (2 * gates * hidden,),
            "lens": (batch,),
            "h0": (batch, hidden),
            "c0": (batch, hidden),
            "peephole": (3 * hidden,),
        }
        for name in ("w", "r", *self.OPTIONAL):
            value: SSAValue | None = getattr(self, name)
            if value is None:
                continue
            kind = type_of(value)
            if kind.get_shape() != expected[name]:
                raise VerifyException(
                    f"{self.name} {name} must have shape {list(expected[name])}, not {kind}"
                )
            element = i32 if name == "lens" else x.element_type
            if kind.element_type != element:
                raise VerifyException(f"{self.name} {name} must be of {element}, not {kind}")
        self._verify_activations()
        for result, wanted in zip(self.results, self._types(), strict=True):
            if result.type != wanted:
                raise VerifyException(f"{self.name} result must be {wanted}, not {result.type}")

    def _verify_activations(self) -> None:
        for what in (self.activations.data, self.alphas.get_values(), self.betas.get_values()):
            if len(what) != self.ACTIVATION_COUNT:
                raise VerifyException(
                    f"{self.name} needs {self.ACTIVATION_COUNT} activations with alpha and beta"
                )
        for kind in self.activations.data:
            if kind.data not in ACTIVATIONS:
                raise VerifyException(f"{self.name} has unknown activation '{kind.data}'")
        if self.clip is not None and not self.clip.value.data > 0:
            raise VerifyException(f"{self.name} clip must be positive")

    # Format: rnn.lstm %x, %w, %r bias(%b) lens(%l) {hidden = 4, ...} : (types) -> (types)
    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_list((self.x, self.w, self.r), printer.print_operand)
        for name in self.OPTIONAL:
            if (value := getattr(self, name)) is not None:
                printer.print_string(f" {name}(")
                printer.print_operand(value)
                printer.print_string(")")
        printer.print_op_attributes(
            self.properties | self.attributes, reserved_attr_names=(_SEGMENTS,)
        )
        printer.print_string(" : ")
        printer.print_operation_type(self)

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        names = [parser.parse_unresolved_operand()]
        for _ in range(2):
            parser.parse_punctuation(",")
            names.append(parser.parse_unresolved_operand())
        present = {}
        for name in cls.OPTIONAL:
            if parser.parse_optional_keyword(name):
                with parser.in_parens():
                    present[name] = parser.parse_unresolved_operand()
        every = parser.parse_optional_attr_dict()
        parser.parse_punctuation(":")
        position = parser.pos
        function = parser.parse_type()
        if not isinstance(function, FunctionType):
            parser.raise_error("expected the types (operands) -> (results)", position)
        values = parser.resolve_operands(
            [*names, *present.values()], function.inputs.data, position
        )
        optional = dict(zip(present, values[3:], strict=True))
        known = cls.get_irdl_definition().properties
        return cls.build(
            operands=[*values[:3], *(optional.get(name) for name in cls.OPTIONAL)],
            properties={k: v for k, v in every.items() if k in known},
            attributes={k: v for k, v in every.items() if k not in known},
            result_types=list(function.outputs.data),
        )

    @classmethod
    def make(
        cls,
        x: SSAValue | Operation,
        w: SSAValue | Operation,
        r: SSAValue | Operation,
        hidden: int,
        activations: Sequence[tuple[str, float, float]],
        *,
        reverse: bool = False,
        clip: float | None = None,
        flags: Sequence[str] = (),
        **optional: SSAValue | None,
    ) -> Self:
        """Build the cell; result types follow from x.

        Args:
            activations: (kind, alpha, beta) of each activation.
            flags: names of the cell's own boolean properties that hold.
            optional: the optional operands by name.
        """
        properties: dict[str, Attribute] = {
            "hidden": IntegerAttr(hidden, i64),
            "activations": ArrayAttr([StringAttr(a[0]) for a in activations]),
            "alphas": DenseArrayBase.from_list(f32, [a[1] for a in activations]),
            "betas": DenseArrayBase.from_list(f32, [a[2] for a in activations]),
        }
        properties |= {flag: UnitAttr() for flag in flags}
        if reverse:
            properties["reverse"] = UnitAttr()
        if clip is not None:
            properties["clip"] = FloatAttr(clip, f32)
        states = len(cls.get_irdl_definition().results) - 1
        return cls.build(
            operands=[x, w, r, *(optional.get(name) for name in cls.OPTIONAL)],
            properties=properties,
            result_types=_result_types(SSAValue.get(x).type, hidden, states),
        )


def _result_types(x: Attribute, hidden: int, states: int) -> list[TensorType]:
    if not isinstance(x, TensorType):
        raise VerifyException(f"x must be a tensor, not {x}")
    steps, batch, _ = x.get_shape()
    time, rows, _ = symbols_of(x)
    y = tensor_type(x.element_type, (steps, batch, hidden), (time, rows, ""))
    return [y] + [tensor_type(x.element_type, (batch, hidden), (rows, ""))] * states
