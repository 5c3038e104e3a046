"""Result types of the nn operations that work element by element."""

from __future__ import annotations

from xdsl.dialects.builtin import TensorType, i1
from xdsl.ir import Attribute, SSAValue

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


def infer_cast(x: SSAValue | Attribute, elt: Attribute) -> TensorType:
    """The shape of x with another element type."""
    return tensor_type(elt, shape_of(x), symbols_of(x))
