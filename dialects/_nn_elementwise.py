"""nn operations that work element by element, with NumPy broadcasting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import FloatAttr, StringAttr, TensorType, i1
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, opt_prop_def, prop_def, result_def

from rnncc.dialects._nn_base import NNOp, number
from rnncc.dialects._types import is_float, shape_of, symbols_of, tensor_type, type_of
from rnncc.errors import DynamicTimeError, ShapeError, UnsupportedError

_EXACT_KINDS = frozenset({"neg", "abs", "sign", "identity", "relu"})
#: The eleven activations that ONNX gives to LSTM, GRU and RNN.
ACTIVATION_KINDS = frozenset(
    [
        "relu",
        "tanh",
        "sigmoid",
        "affine",
        "leaky_relu",
        "thresholded_relu",
        "scaled_tanh",
        "hard_sigmoid",
        "elu",
        "softsign",
        "softplus",
    ]
)
UNARY_KINDS = (
    _EXACT_KINDS
    | ACTIVATION_KINDS
    | frozenset(
        ["exp", "log", "sqrt", "reciprocal", "floor", "ceil", "round", "erf", "not", "sin", "cos"]
    )
)
_ARITHMETIC = frozenset(["add", "sub", "mul", "div", "min", "max", "pow", "mod", "fmod"])
_LOGIC = frozenset({"and", "or", "xor"})
BINARY_KINDS = _ARITHMETIC | _LOGIC
COMPARE_KINDS = frozenset({"eq", "ne", "lt", "le", "gt", "ge"})


def broadcast(*operands: SSAValue | Attribute) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The NumPy broadcast of the operands' shapes, with the symbol of each dimension.

    Raises:
        ShapeError: two sizes differ and neither is 1.
        DynamicTimeError: sizes that agree at their maximum but not at every length.
    """
    shapes = [shape_of(x) for x in operands]
    symbols = [symbols_of(x) for x in operands]
    rank = max(len(s) for s in shapes)
    result = []
    for axis in range(-rank, 0):
        dims = {
            (shape[axis], symbol[axis])
            for shape, symbol in zip(shapes, symbols, strict=True)
            if len(shape) >= -axis
        }
        wide = dims - {(1, "")}
        if len(wide) > 1:
            text = " with ".join(str(list(s)) for s in shapes)
            if len({n for n, _ in wide}) > 1:
                raise ShapeError(f"the shapes {text} do not broadcast")
            raise DynamicTimeError(
                f"the shapes {text} broadcast only when the run-time length is at its maximum"
            )
        result.append(wide.pop() if wide else (1, ""))
    return tuple(n for n, _ in result), tuple(s for _, s in result)


def same_element(name: str, *operands: SSAValue | Attribute) -> Attribute:
    """The element type that all operands have; raises ShapeError when they differ."""
    elements = [type_of(x).get_element_type() for x in operands]
    if any(e != elements[0] for e in elements):
        raise ShapeError(f"{name} of different element types {', '.join(map(str, elements))}")
    return elements[0]


def _known(kind: str, kinds: frozenset[str]) -> None:
    if kind not in kinds:
        raise UnsupportedError(f"no kind '{kind}'; there are {', '.join(sorted(kinds))}")


def infer_unary(kind: str, x: SSAValue | Attribute) -> TensorType:
    """The type of x; whole numbers only for neg abs sign identity relu not, i1 for not identity."""
    _known(kind, UNARY_KINDS)
    elt = type_of(x).get_element_type()
    boolean = elt == i1
    allowed = (
        kind in ("not", "identity")
        if boolean
        else (kind != "not" if is_float(elt) else kind in _EXACT_KINDS or kind == "not")
    )
    if not allowed:
        raise UnsupportedError(f"{kind} is not defined on {elt}")
    return type_of(x)


def infer_binary(kind: str, a: SSAValue | Attribute, b: SSAValue | Attribute) -> TensorType:
    """The broadcast of a and b in their common element type."""
    _known(kind, BINARY_KINDS)
    elt = same_element(kind, a, b)
    if is_float(elt) if kind in _LOGIC else elt == i1:
        raise UnsupportedError(f"{kind} is not defined on {elt}")
    return tensor_type(elt, *broadcast(a, b))


def infer_compare(kind: str, a: SSAValue | Attribute, b: SSAValue | Attribute) -> TensorType:
    """The broadcast of a and b, with elements i1."""
    _known(kind, COMPARE_KINDS)
    same_element(kind, a, b)
    return tensor_type(i1, *broadcast(a, b))


def infer_select(
    c: SSAValue | Attribute, a: SSAValue | Attribute, b: SSAValue | Attribute
) -> TensorType:
    """The broadcast of all three in the element type of a and b; c has elements i1."""
    if type_of(c).get_element_type() != i1:
        raise UnsupportedError(f"the condition has elements {type_of(c).get_element_type()}")
    return tensor_type(same_element("select", a, b), *broadcast(c, a, b))


@irdl_op_definition
class UnaryOp(NNOp):
    """``r = kind(x)``; alpha and beta as in ONNX's activation functions.

    affine ``alpha*x + beta``, leaky_relu ``x<0 ? alpha*x : x``,
    thresholded_relu ``x>alpha ? x : 0``, scaled_tanh ``alpha*tanh(beta*x)``,
    hard_sigmoid ``min(max(alpha*x + beta, 0), 1)``,
    elu ``x<0 ? alpha*(exp(x)-1) : x``; round goes to even; ``not`` of integers is bit by bit.
    """

    name = "nn.unary"
    WORDS: ClassVar = ("alpha", "beta")

    kind = prop_def(StringAttr)
    alpha = opt_prop_def(FloatAttr)
    beta = opt_prop_def(FloatAttr)
    x = operand_def(TensorType)
    result = result_def(TensorType)

    def __init__(
        self,
        kind: str,
        x: SSAValue,
        alpha: float | FloatAttr | None = None,
        beta: float | FloatAttr | None = None,
    ):
        super().__init__(
            operands=[x],
            properties={"kind": StringAttr(kind), "alpha": number(alpha), "beta": number(beta)},
            result_types=[infer_unary(kind, x)],
        )

    def inferred(self) -> TensorType:
        """See infer_unary."""
        return infer_unary(self.kind.data, self.x)

    def parameters(self) -> tuple[float | None, float | None]:
        """alpha and beta as numbers, None where absent."""
        return (
            None if self.alpha is None else self.alpha.value.data,
            None if self.beta is None else self.beta.value.data,
        )


@irdl_op_definition
class BinaryOp(NNOp):
    """``r = a kind b``, broadcast.

    div of whole numbers truncates toward zero; mod has the divisor's sign, fmod the dividend's;
    and, or, xor are logical on i1 and bit by bit on whole numbers; min and max hand NaN on.
    """

    name = "nn.binary"

    kind = prop_def(StringAttr)
    a = operand_def(TensorType)
    b = operand_def(TensorType)
    result = result_def(TensorType)

    def __init__(self, kind: str, a: SSAValue, b: SSAValue):
        super().__init__(
            operands=[a, b],
            properties={"kind": StringAttr(kind)},
            result_types=[infer_binary(kind, a, b)],
        )

    def inferred(self) -> TensorType:
        """See infer_binary."""
        return infer_binary(self.kind.data, self.a, self.b)


@irdl_op_definition
class CompareOp(NNOp):
    """``r = a kind b`` as i1, broadcast; everything but ne is false for NaN."""

    name = "nn.compare"

    kind = prop_def(StringAttr)
    a = operand_def(TensorType)
    b = operand_def(TensorType)
    result = result_def(TensorType)

    def __init__(self, kind: str, a: SSAValue, b: SSAValue):
        super().__init__(
            operands=[a, b],
            properties={"kind": StringAttr(kind)},
            result_types=[infer_compare(kind, a, b)],
        )

    def inferred(self) -> TensorType:
        """See infer_compare."""
        return infer_compare(self.kind.data, self.a, self.b)


@irdl_op_definition
class SelectOp(NNOp):
    """``r = c ? a : b``, broadcast."""

    name = "nn.select"

    c = operand_def(TensorType)
    a = operand_def(TensorType)
    b = operand_def(TensorType)
    result = result_def(TensorType)

    def __init__(self, c: SSAValue, a: SSAValue, b: SSAValue):
        super().__init__(operands=[c, a, b], result_types=[infer_select(c, a, b)])

    def inferred(self) -> TensorType:
        """See infer_select."""
        return infer_select(self.c, self.a, self.b)


@irdl_op_definition
class CastOp(NNOp):
    """``r = x`` in another element type: to whole numbers by truncation, to i1 by ``x != 0``."""

    name = "nn.cast"

    x = operand_def(TensorType)
    result = result_def(TensorType)

    def __init__(self, x: SSAValue, elt: Attribute):
        super().__init__(operands=[x], result_types=[infer_cast(x, elt)])

    def inferred(self) -> TensorType:
        """See infer_cast."""
        return infer_cast(self.x, type_of(self.result).get_element_type())


def infer_cast(x: SSAValue | Attribute, elt: Attribute) -> TensorType:
    """The shape of x with another element type."""
    return tensor_type(elt, shape_of(x), symbols_of(x))


OPERATIONS: Sequence[type[NNOp]] = (UnaryOp, BinaryOp, CompareOp, SelectOp, CastOp)
