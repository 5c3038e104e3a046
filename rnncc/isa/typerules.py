"""The typing rules of the instruction table: which element types an instruction's operands may have."""

from __future__ import annotations

from rnncc.isa.instruction import Instruction
from rnncc.isa.spec import TYPING, InstructionSpec
from rnncc.isa.types import ELEMENT_TYPES, FLOAT_TYPES

_LOGICAL = frozenset({"and", "or", "xor", "not", "identity", "max", "min"})
_FLOAT_ONLY = frozenset(
    {
        "exp",
        "log",
        "sqrt",
        "reciprocal",
        "erf",
        "sin",
        "cos",
        "tanh",
        "sigmoid",
        "affine",
        "leaky_relu",
    }
    | {"thresholded_relu", "scaled_tanh", "hard_sigmoid", "elu", "softsign", "softplus"}
)


def type_problem(spec: InstructionSpec, instruction: Instruction) -> str | None:
    """What is wrong with the element types of an instruction, or None.

    Args:
        spec: the instruction's row.
        instruction: as many types as operands.
    """
    types = instruction.types
    for name in types:
        if name not in ELEMENT_TYPES:
            return f"unknown element type '{name}'"
    if not _follows(spec.typing, types):
        return f"element types {', '.join(types)} break the rule: {TYPING[spec.typing]}"
    if spec.op in ("unary", "binary", "reduce"):
        if types[0] == "i1" and instruction.kind not in _LOGICAL:
            return f"'{instruction.mnemonic}' does not take i1"
        if types[0] not in FLOAT_TYPES and instruction.kind in _FLOAT_ONLY:
            return f"'{instruction.mnemonic}' takes floating-point types only, not {types[0]}"
    return None


def _follows(rule: str, types: tuple[str, ...]) -> bool:
    match rule:
        case "same":
            return len(set(types)) == 1
        case "compare":
            return types[0] == "i1" and types[1] == types[2]
        case "select":
            return types[1] == "i1" and types[0] == types[2] == types[3]
        case "gather":
            return types[0] == types[1] and types[2] in ("i32", "i64")
        case "matrix":
            return "i1" not in types and len({name in FLOAT_TYPES for name in types}) == 1
        case "index":
            return types[0] == "i64"
        case _:
            return True
