"""The instruction table: every fact about an instruction is a row here.

The encoder, the assembler, the disassembler, the reference page, program validation and the
simulator's dispatch and interlocks derive from it. Semantics use ``R[n]`` for registers and
``a[e0,e1,e2]`` for elements.
"""

from __future__ import annotations

from rnncc.isa.fields import FORMATS
from rnncc.isa.spec import ANY, ENGINES, TYPING, ImmediateSpec, InstructionSpec, OperandSpec

ISA_VERSION = 1
"""Raised whenever an old program would no longer mean the same."""


def _codes(names: str) -> dict[str, int]:
    """Kinds numbered from 1 in the order written; append only."""
    return {name: code for code, name in enumerate(names.split(), start=1)}


SCALAR_KINDS = _codes("add sub mul div ceildiv mod min max lt le eq ne and or xor")
UNARY_KINDS = _codes(
    "neg abs exp log sqrt reciprocal floor ceil round sign erf not identity sin cos relu tanh "
    "sigmoid affine leaky_relu thresholded_relu scaled_tanh hard_sigmoid elu softsign softplus"
)
BINARY_KINDS = _codes("add sub mul div min max pow mod fmod and or xor")
COMPARE_KINDS = _codes("eq ne lt le gt ge")
REDUCE_KINDS = _codes("sum max min prod")
ARG_KINDS = _codes("first last")

ALPHA_KINDS = frozenset(
    ["affine", "leaky_relu", "thresholded_relu", "scaled_tanh", "hard_sigmoid", "elu"],
)
"""Unary kinds that use the immediate alpha."""
BETA_KINDS = frozenset(["affine", "scaled_tanh", "hard_sigmoid"])
"""Unary kinds that use the immediate beta."""

_DST = OperandSpec("dst", "w")
_A = OperandSpec("a", "r")
_B = OperandSpec("b", "r")
_DST_ROWS = OperandSpec("dst", "w", axes=(0, 1))
_X = OperandSpec("x", "r", axes=(0, 2))
_W = OperandSpec("w", "r", axes=(1, 2), memories=("wmem",))

_ROWS: tuple[InstructionSpec, ...] = (
    InstructionSpec(
        "halt", 0x01, "control", "control",
        "end the program once every engine has finished",
        {}, notes="exactly one, the last instruction",
    ),
    InstructionSpec(
        "loop", 0x02, "control", "control",
        "for R[rd] in 0 .. n-1 run up to the matching endloop; n = R[ra], or count when ra is r0",
        {}, immediates=(ImmediateSpec("count"),), registers=("rd", "ra"), targets=True,
        notes="with ra, count is the largest n allowed: a larger or negative R[ra] stops the "
        "program; n = 0 skips the body; after the loop R[rd] holds the last index (or its old "
        "value when skipped); the body must not write R[rd]",
    ),
    InstructionSpec(
        "endloop", 0x03, "control", "control",
        "next iteration of the innermost loop", {},
    ),
    InstructionSpec(
        "jmp", 0x04, "control", "control",
        "go on at target", {}, targets=True,
        notes="forward, to an instruction of the same loop body or its endloop",
    ),
    InstructionSpec(
        "beqz", 0x05, "control", "control",
        "go on at target when R[ra] = 0", {}, registers=("ra",), targets=True,
        notes="forward, to an instruction of the same loop body or its endloop",
    ),
    InstructionSpec(
        "host", 0x06, "control", "control",
        "wait for every engine, then let the host run call number `call` of the program's host "
        "table",
        {}, immediates=(ImmediateSpec("call"),),
        notes="a program that names a call its table lacks, or the runtime does not know, is "
        "refused",
    ),
    InstructionSpec(
        "breakz", 0x07, "control", "control",
        "leave the innermost loop when R[ra] = 0", {}, registers=("ra",),
        notes="goes on behind the loop's endloop; the loop's R[rd] keeps the index at which it was "
        "left",
    ),
    InstructionSpec(
        "s", 0x10, "control", "scalar",
        "R[rd] = R[ra] <kind> (R[rb] or immediate), in 64-bit two's complement",
        SCALAR_KINDS, immediates=(ImmediateSpec("b"),), registers=("rd", "ra", "rb"),
        notes="div, ceildiv and mod round toward minus infinity, plus infinity, minus infinity; a "
        "zero divisor stops the program; comparisons give 0 or 1; and, or, xor are bitwise",
    ),
    InstructionSpec(
        "s.imm", 0x11, "control", "scalar",
        "R[rd] = value", {}, immediates=(ImmediateSpec("value"),), registers=("rd",),
    ),
    InstructionSpec(
        "s.read", 0x12, "control", "scalar",
        "R[rd] = element a, converted to a 64-bit integer (truncation toward zero)",
        {}, operands=(OperandSpec("a", "r", axes=(), memories=("dram", "vmem")),),
        registers=("rd",),
        typing="any",
        notes="waits for the engines that write the element; not a number reads as 0, a number "
        "beyond 64 bits or an infinity as the nearest limit",
    ),
    InstructionSpec(
        "dma", 0x20, "dma", "tensor",
        "dst[e0,e1,e2] = src[e0,e1,e2]", {},
        operands=(OperandSpec("dst", "w", memories=ANY), OperandSpec("src", "r", memories=ANY)),
        typing="same",
        notes="to wmem: loads one matrix of e1 rows (n) by e2 columns (k), e0 = 1, dst rows dense; "
        "it is known to mm by its base address",
    ),
    InstructionSpec(
        "gather", 0x21, "dma", "tensor",
        "dst[e0,e1,e2] = table[index[e0]; e1,e2], row r of table starting at r * stride0", {},
        operands=(
            OperandSpec("dst", "w", memories=ANY),
            OperandSpec("table", "r", memories=ANY),
            OperandSpec("index", "r", axes=(0,), memories=("dram", "vmem")),
        ),
        immediates=(ImmediateSpec("rows"),), typing="gather",
        notes="table has `rows` rows; a negative index counts from the end; an index outside -rows "
        ".. rows-1 stops the program",
    ),
    InstructionSpec(
        "mm", 0x30, "matrix", "tensor",
        "dst[e0,e1] = sum over e2 of x[e0,e2] * w[e1,e2]", {},
        operands=(_DST_ROWS, _X, _W), typing="matrix",
        notes="w is one whole matrix (e1 by e2, same base) that a dma loaded into wmem, or several, "
        "one below the other",
    ),
    InstructionSpec(
        "mma", 0x31, "matrix", "tensor",
        "dst[e0,e1] += sum over e2 of x[e0,e2] * w[e1,e2]", {},
        operands=(OperandSpec("dst", "rw", axes=(0, 1)), _X, _W), typing="matrix", notes="as mm",
    ),
    InstructionSpec(
        "unary", 0x40, "vector", "tensor",
        "dst[e] = <kind>(a[e])", UNARY_KINDS, operands=(_DST, _A),
        immediates=(ImmediateSpec("alpha", "float"), ImmediateSpec("beta", "float")), typing="same",
        notes="alpha and beta as in ONNX's activations; zero for kinds that have none; round is to "
        "nearest even",
    ),
    InstructionSpec(
        "binary", 0x41, "vector", "tensor",
        "dst[e] = a[e] <kind> b[e]", BINARY_KINDS, operands=(_DST, _A, _B), typing="same",
        notes="div of integers truncates toward zero; mod has the sign of b, fmod that of a; and, "
        "or, xor are logical on i1 and bitwise on integers",
    ),
    InstructionSpec(
        "cmp", 0x42, "vector", "tensor",
        "dst[e] = a[e] <kind> b[e]", COMPARE_KINDS, operands=(_DST, _A, _B), typing="compare",
    ),
    InstructionSpec(
        "select", 0x43, "vector", "tensor",
        "dst[e] = a[e] if c[e] else b[e]", {},
        operands=(_DST, OperandSpec("c", "r"), _A, _B), typing="select",
    ),
    InstructionSpec(
        "convert", 0x44, "vector", "tensor",
        "dst[e] = a[e] in dst's type", {}, operands=(_DST, _A), typing="convert",
        notes="to a float: nearest even; float to integer: truncation; to i1: not equal to zero",
    ),
    InstructionSpec(
        "fill", 0x45, "vector", "tensor",
        "dst[e] = value", {}, operands=(_DST,),
        immediates=(ImmediateSpec("value", "element"),), typing="any",
    ),
    InstructionSpec(
        "iota", 0x46, "vector", "tensor",
        "dst[e0,e1,e2] = start + e2", {}, operands=(_DST,),
        immediates=(ImmediateSpec("start", "element"),),
        typing="any",
    ),
    InstructionSpec(
        "reduce", 0x47, "vector", "tensor",
        "dst[e0,e1] = <kind> over e2 of a[e0,e1,e2]", REDUCE_KINDS,
        operands=(_DST_ROWS, _A), typing="same",
        notes="over no element: sum 0, prod 1, max and min the least and greatest value of the "
        "type",
    ),
    InstructionSpec(
        "argmax", 0x48, "vector", "tensor",
        "dst[e0,e1] = the <kind> e2 at which a[e0,e1,e2] is greatest", ARG_KINDS,
        operands=(_DST_ROWS, _A),
        typing="index",
    ),
    InstructionSpec(
        "argmin", 0x49, "vector", "tensor",
        "dst[e0,e1] = the <kind> e2 at which a[e0,e1,e2] is least", ARG_KINDS,
        operands=(_DST_ROWS, _A),
        typing="index",
    ),
)  # fmt: skip


def check_table(rows: tuple[InstructionSpec, ...]) -> None:
    """Check the table against itself: unique opcodes and mnemonics, known engines, formats and
    rules.

    Raises:
        ValueError: naming the row; raised at import, it is a mistake in this package.
    """
    opcodes: dict[int, str] = {}
    mnemonics: dict[str, str] = {}
    for row in rows:
        if not 1 <= row.opcode <= 255:
            raise ValueError(f"'{row.op}': opcode {row.opcode:#x} is outside 1..255")
        if row.opcode in opcodes:
            raise ValueError(f"'{row.op}' and '{opcodes[row.opcode]}' share opcode {row.opcode:#x}")
        opcodes[row.opcode] = row.op
        if row.engine not in ENGINES or row.layout not in FORMATS or row.typing not in TYPING:
            raise ValueError(f"'{row.op}': unknown engine, format or typing rule")
        for name in row.mnemonics:
            if name in mnemonics:
                raise ValueError(f"'{row.op}' and '{mnemonics[name]}' share the mnemonic '{name}'")
            mnemonics[name] = row.op
        fields = FORMATS[row.layout].by_name
        needed = [f"op{i}_base" for i in range(len(row.operands))]
        needed += [f"imm{i}" for i in range(len(row.immediates))]
        needed += [
            *row.registers,
            *(["target"] if row.targets else []),
            *(["kind"] if row.kinds else []),
        ]
        for name in needed:
            if name not in fields:
                raise ValueError(f"'{row.op}': format '{row.layout}' has no field '{name}'")
        codes = list(row.kinds.values())
        if len(set(codes)) != len(codes) or any(not 1 <= code <= 255 for code in codes):
            raise ValueError(f"'{row.op}': kinds need distinct codes from 1 to 255")


check_table(_ROWS)

INSTRUCTIONS: dict[str, InstructionSpec] = {row.op: row for row in _ROWS}
"""Operation -> row, in opcode order."""

BY_OPCODE: dict[int, InstructionSpec] = {row.opcode: row for row in _ROWS}
"""Opcode -> row."""

MNEMONICS: dict[str, tuple[str, str]] = {
    name: (row.op, kind)
    for row in _ROWS
    for name, kind in zip(row.mnemonics, row.kinds or ("",), strict=True)
}
"""Mnemonic -> (operation, kind)."""
