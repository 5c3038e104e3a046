"""Names of the sub-operations of the vector instructions, and their check."""

from __future__ import annotations

from rnncc.dialects._npu_instruction import InstructionOp, require


def kinds(words: str) -> frozenset[str]:
    """The set of the words of a text."""
    return frozenset(words.split())


UNARY_KINDS = kinds(
    "neg abs exp log sqrt reciprocal floor ceil round sign erf not identity sin cos relu tanh "
    "sigmoid affine leaky_relu thresholded_relu scaled_tanh hard_sigmoid elu softsign "
    "softplus"
)
BINARY_KINDS = kinds("add sub mul div min max pow mod fmod and or xor")
COMPARE_KINDS = kinds("eq ne lt le gt ge")
REDUCE_KINDS = kinds("sum max min prod")
ARG_KINDS = frozenset(("argmax", "argmin"))


def check_kind(op: InstructionOp, kinds: frozenset[str]) -> None:
    """Refuse an unknown `kind`, with the nearest known one."""
    from rnncc.errors import nearest

    kind = op.properties["kind"].data  # type: ignore[attr-defined]
    hint = nearest(kind, sorted(kinds))
    require(kind in kinds, f"{op.name} has no kind '{kind}'" + (f", {hint}" if hint else ""))
