"""1024-bit words -> instructions, a whole program at a time.

The words are untrusted. Opcodes and unused bits are checked for all words at once; the fields of all words of one
opcode are extracted together.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from rnncc.errors import ProgramError
from rnncc.isa.encode import is_float_immediate, used_fields
from rnncc.isa.fields import FORMATS, WORD_BYTES, BitField
from rnncc.isa.instruction import ONES, Extent, Instruction, Operand
from rnncc.isa.spec import MEMORIES, InstructionSpec
from rnncc.isa.table import BY_OPCODE
from rnncc.isa.typerules import type_problem
from rnncc.isa.types import ELEMENT_TYPES

_LIMBS = WORD_BYTES // 8
_MEMORY_NAMES = {code: name for name, code in MEMORIES.items()}
_TYPE_NAMES = {code: name for name, code in ELEMENT_TYPES.items()}


def decode(word: bytes) -> Instruction:
    """The instruction of one word of 128 bytes.

    Raises:
        ProgramError: as ``decode_all``.
    """
    return decode_all(np.frombuffer(word, np.uint8).reshape(1, -1))[0]


def decode_all(words: np.ndarray) -> list[Instruction]:
    """The instructions of a program.

    Args:
        words: uint8 of shape (number of instructions, 128).

    Raises:
        ProgramError: a word is no instruction: unknown opcode, kind, type or memory, or a bit that must be zero is
            not; names the instruction's index and the field.
    """
    if words.dtype != np.uint8 or words.ndim != 2 or words.shape[1] != WORD_BYTES:
        raise ProgramError(
            f"instruction words must be uint8 of shape (n, {WORD_BYTES}), not {words.shape}"
        )
    limbs = np.ascontiguousarray(words).view("<u8")
    opcodes = (limbs[:, 0] & np.uint64(0xFF)).astype(np.intp)
    _check_bits(limbs, opcodes)
    program: list[Any] = [None] * len(limbs)
    for opcode in np.unique(opcodes).tolist():
        rows = np.flatnonzero(opcodes == opcode)
        for row, instruction in zip(
            rows.tolist(), _decode_rows(BY_OPCODE[opcode], limbs[rows], rows), strict=True
        ):
            program[row] = instruction
    return program


@cache
def _masks() -> np.ndarray:
    """Bits that a word of each opcode may set, uint64 of shape (256, 16); none for unknown opcodes."""
    masks = np.zeros((256, _LIMBS), np.uint64)
    for opcode, spec in BY_OPCODE.items():
        layout = FORMATS[spec.layout].by_name
        bits = sum(layout[name].mask for name in used_fields(spec))
        masks[opcode] = np.frombuffer(bits.to_bytes(WORD_BYTES, "little"), "<u8")
    return masks


def _check_bits(limbs: np.ndarray, opcodes: np.ndarray) -> None:
    """Refuse unknown opcodes and set bits outside the fields of the word's operation."""
    unknown = np.flatnonzero(~np.isin(opcodes, list(BY_OPCODE)))
    if len(unknown):
        raise ProgramError(f"instruction {unknown[0]}: unknown opcode {opcodes[unknown[0]]:#04x}")
    stray = limbs & ~_masks()[opcodes]
    bad = np.flatnonzero(stray.any(axis=1))
    if len(bad):
        spec = BY_OPCODE[int(opcodes[bad[0]])]
        bits = int.from_bytes(stray[bad[0]].tobytes(), "little")
        bit = (bits & -bits).bit_length() - 1
        field = next(
            field for field in FORMATS[spec.layout].fields if field.low <= bit <= field.high
        )
        raise ProgramError(
            f"instruction {bad[0]}: {spec.op}: bit {bit} in field '{field.name}' must be zero: "
            + ("the field is reserved" if field.reserved else "the operation does not use it")
        )


def _column(limbs: np.ndarray, field: BitField) -> np.ndarray:
    """A field of many words, int64 (uint64 bits for 64-bit fields)."""
    limb, shift = divmod(field.low, 64)
    value = limbs[:, limb] >> np.uint64(shift)
    if shift + field.width > 64:
        value = value | (limbs[:, limb + 1] << np.uint64(64 - shift))
    if field.width == 64:
        return value
    spare = np.int64(64 - field.width)
    signed = (value << np.uint64(spare)).view(np.int64)
    return (
        signed >> spare
        if field.signed
        else (signed.view(np.uint64) >> np.uint64(spare)).view(np.int64)
    )


def _decode_rows(spec: InstructionSpec, limbs: np.ndarray, rows: np.ndarray) -> list[Instruction]:
    """The instructions of words that share an opcode; ``rows`` are their indices in the program."""
    layout = FORMATS[spec.layout].by_name
    raw = {name: _column(limbs, layout[name]) for name in used_fields(spec)}
    columns = {name: column.tolist() for name, column in raw.items() if not name.startswith("imm")}
    kinds = {code: kind for kind, code in spec.kinds.items()}
    program = []
    for position, row in enumerate(rows.tolist()):
        fields = {name: column[position] for name, column in columns.items()}
        if spec.kinds and fields["kind"] not in kinds:
            raise ProgramError(f"instruction {row}: {spec.op}: unknown kind {fields['kind']}")
        types = tuple(
            _named(_TYPE_NAMES, fields, f"type{n}", spec, row) for n in range(len(spec.operands))
        )
        immediates = tuple(
            raw[f"imm{n}"][position]
            .view(np.float64 if is_float_immediate(spec, n, types) else np.int64)
            .item()
            for n in range(len(spec.immediates))
        )
        if spec.op == "s":
            if fields["rb"] if fields["use_imm"] else immediates[0]:
                raise ProgramError(
                    f"instruction {row}: s: second operand is both a register and an immediate"
                )
            immediates = immediates if fields["use_imm"] else ()
        instruction = Instruction(
            op=spec.op,
            kind=kinds[fields["kind"]] if spec.kinds else "",
            types=types,
            extents=_extents(fields) if spec.layout == "tensor" else ONES,
            operands=tuple(_operand(fields, n, spec, row) for n in range(len(spec.operands))),
            imm=immediates,
            **{
                name: fields[name]
                for name in (*spec.registers, *(("target",) if spec.targets else ()))
            },
        )
        problem = type_problem(spec, instruction)
        if problem:
            raise ProgramError(f"instruction {row}: {instruction.mnemonic}: {problem}")
        program.append(instruction)
    return program


def _extents(fields: dict[str, int]) -> tuple[Extent, Extent, Extent]:
    e0, e1, e2 = (Extent(fields[f"e{n}"], fields[f"e{n}_reg"]) for n in range(3))
    return e0, e1, e2


def _operand(fields: dict[str, int], number: int, spec: InstructionSpec, row: int) -> Operand:
    name, allowed = spec.operands[number].name, spec.operands[number].memories
    memory = _named(_MEMORY_NAMES, fields, f"op{number}_memory", spec, row)
    if memory not in allowed:
        raise ProgramError(
            f"instruction {row}: {spec.op}: operand '{name}' must be in {' or '.join(allowed)}, not {memory}"
        )
    index, index_stride = fields[f"op{number}_index"], fields[f"op{number}_index_stride"]
    if index_stride and not index:
        raise ProgramError(
            f"instruction {row}: {spec.op}: operand '{name}' has an index stride without an index"
        )
    s0, s1, s2 = (fields.get(f"op{number}_stride{axis}", 0) for axis in range(3))
    return Operand(memory, fields[f"op{number}_base"], index, index_stride, (s0, s1, s2))


def _named(
    names: dict[int, str], fields: dict[str, int], field: str, spec: InstructionSpec, row: int
) -> str:
    if fields[field] not in names:
        raise ProgramError(
            f"instruction {row}: {spec.op}: field '{field}' has the unknown value {fields[field]}"
        )
    return names[fields[field]]
