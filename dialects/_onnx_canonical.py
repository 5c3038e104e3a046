"""Canonicalisation of the onnx dialect: operators that do nothing go away."""

from __future__ import annotations

from xdsl.dialects.builtin import DenseArrayBase, TensorType
from xdsl.interfaces import HasCanonicalizationPatternsInterface
from xdsl.ir import Operation
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from rnncc.dialects._onnx_base import OnnxOp


def does_nothing(op: Operation) -> bool:
    """Whether the first result of an operator always is its first operand.

    Identity; Dropout that does not train and is not asked for its mask; a Cast to the same element
    type; Reshape, Expand, Flatten, Squeeze, Unsqueeze and the like to the same type; Transpose that
    permutes nothing; Concat, Max, Min, Sum and Mean of one operand.
    """
    if not isinstance(op, OnnxOp) or not op.operands or not op.results:
        return False
    kind, first, result = op.FORM.op_type, op.operands[0].type, op.results[0].type
    if kind == "Identity":
        return True
    if first != result or not isinstance(first, TensorType):
        return False
    if kind == "Transpose":
        perm = op.properties.get("perm")
        given = isinstance(perm, DenseArrayBase)
        order = list(perm.get_values()) if given else list(reversed(range(len(first.get_shape()))))
        return order == sorted(order)
    if kind == "Dropout":
        training = op.inputs_by_position()[2:]
        return not training and all(not result.uses for result in op.results[1:])
    if kind in ("Concat", "Max", "Min", "Sum", "Mean"):
        return len(op.operands) == 1
    same = ("Cast", "CastLike", "Reshape", "Expand", "Flatten", "Squeeze", "Unsqueeze")
    return kind in same


class RemoveNoOperation(RewritePattern):
    """Use the operand of an operator that does nothing."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        """Replace an operator for which `does_nothing` holds."""
        if not does_nothing(op):
            return
        op.results[0].replace_all_uses_with(op.operands[0])
        if all(not result.uses for result in op.results):
            rewriter.erase(op)


class Canonical(HasCanonicalizationPatternsInterface):
    """Mixed into the classes that have a canonical form."""

    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        """The patterns that apply to the operator."""
        return (RemoveNoOperation(),)


#: Operators that `does_nothing` can hold for.
CANONICAL = frozenset(
    (
        *("Identity", "Transpose", "Dropout", "Concat", "Max", "Min", "Sum", "Mean"),
        *("Cast", "CastLike", "Reshape", "Expand", "Flatten", "Squeeze", "Unsqueeze"),
    )
)
