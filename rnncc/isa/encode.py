"""Instruction -> 1024-bit word. Every field that an operation does not use is zero."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from rnncc.errors import CapacityError, ProgramError, nearest
from rnncc.isa.fields import FORMATS, WORD_BYTES, BitField, WordFormat
from rnncc.isa.instruction import ONES, REGISTERS, Instruction
from rnncc.isa.spec import MEMORIES, InstructionSpec
from rnncc.isa.table import INSTRUCTIONS
from rnncc.isa.typerules import type_problem
from rnncc.isa.types import ELEMENT_TYPES, FLOAT_TYPES


def used_fields(spec: InstructionSpec) -> tuple[str, ...]:
    """Names of the word's fields that an operation uses; all other bits of its word are zero."""
    names = ["opcode", *(["kind"] if spec.kinds else []), *spec.registers]
    names += ["target"] if spec.targets else []
    names += ["use_imm"] if spec.op == "s" else []
    if spec.layout == "tensor":
        names += ["e0", "e1", "e2", "e0_reg", "e1_reg", "e2_reg"]
    for number, operand in enumerate(spec.operands):
        names += [
            f"type{number}",
            *(f"op{number}_{part}" for part in ("memory", "base", "index", "index_stride")),
        ]
        names += [f"op{number}_stride{axis}" for axis in operand.axes]
    return (*names, *(f"imm{number}" for number in range(len(spec.immediates))))


def is_float_immediate(spec: InstructionSpec, number: int, types: tuple[str, ...]) -> bool:
    """True when immediate ``number`` is an IEEE double, False when it is a 64-bit integer."""
    form = spec.immediates[number].form
    return form == "float" or (form == "element" and types[0] in FLOAT_TYPES)


def encode(instruction: Instruction) -> bytes:
    """The 128 bytes of an instruction.

    Raises:
        CapacityError: a value does not fit its field; names field, value and legal range.
        ProgramError: the instruction breaks its row of the table (unknown operation, kind, type or memory, wrong
            number of operands or immediates, a stride along an axis that the operand lacks).
    """
    spec = spec_of(instruction)
    layout = FORMATS[spec.layout]
    values: dict[str, int] = {"opcode": spec.opcode}
    if spec.kinds:
        values["kind"] = spec.kinds[instruction.kind]
    for name in spec.registers:
        values[name] = getattr(instruction, name)
    if spec.targets:
        values["target"] = instruction.target
    if spec.layout == "tensor":
        for number, extent in enumerate(instruction.extents):
            values[f"e{number}"], values[f"e{number}_reg"] = extent.value, extent.reg
    for number, operand in enumerate(instruction.operands):
        values[f"type{number}"] = ELEMENT_TYPES[instruction.types[number]]
        values[f"op{number}_memory"] = MEMORIES[operand.memory]
        values[f"op{number}_base"] = operand.base
        values[f"op{number}_index"] = operand.index
        values[f"op{number}_index_stride"] = operand.index_stride
        for axis in spec.operands[number].axes:
            values[f"op{number}_stride{axis}"] = operand.strides[axis]
    if spec.op == "s":
        values["use_imm"] = len(instruction.imm)
    word = 0
    for name, value in values.items():
        word |= _place(layout.by_name[name], value, instruction)
    for number, value in enumerate(instruction.imm):
        word |= _immediate(spec, layout, number, instruction) if value else 0
    return word.to_bytes(WORD_BYTES, "little")


def encode_all(instructions: Sequence[Instruction]) -> np.ndarray:
    """The words of a program, uint8 of shape (number of instructions, 128).

    Raises:
        CapacityError, ProgramError: as ``encode``, with the instruction's index.
    """
    words = bytearray()
    for number, instruction in enumerate(instructions):
        try:
            words += encode(instruction)
        except (CapacityError, ProgramError) as error:
            raise type(error)(f"instruction {number}: {error.message}", error.hint) from None
    return np.frombuffer(bytes(words), np.uint8).reshape(-1, WORD_BYTES)


def spec_of(instruction: Instruction) -> InstructionSpec:
    """The row of an instruction, after checking that the instruction has the row's form.

    Raises:
        ProgramError: see ``encode``.
    """
    spec = INSTRUCTIONS.get(instruction.op)
    if spec is None:
        raise ProgramError(
            f"unknown operation '{instruction.op}'", nearest(instruction.op, INSTRUCTIONS)
        )
    problem = _form_problem(spec, instruction)
    if problem:
        raise ProgramError(f"{instruction.mnemonic}: {problem}")
    return spec


def _form_problem(spec: InstructionSpec, instruction: Instruction) -> str | None:
    if instruction.kind not in (spec.kinds or ("",)):
        return f"unknown kind '{instruction.kind}' of '{spec.op}'"
    if not len(instruction.operands) == len(instruction.types) == len(spec.operands):
        return (
            f"has {len(instruction.operands)} operands and {len(instruction.types)} types "
            f"instead of {len(spec.operands)}"
        )
    wanted = {len(spec.immediates)} | ({0} if spec.op == "s" else set())
    if len(instruction.imm) not in wanted:
        return f"has {len(instruction.imm)} immediates instead of {len(spec.immediates)}"
    if spec.layout != "tensor" and instruction.extents != ONES:
        return "takes no extents"
    for name in ("rd", "ra", "rb"):
        if getattr(instruction, name) and name not in spec.registers:
            return f"takes no register {name}"
    if spec.op == "s" and instruction.imm and instruction.rb:
        return "takes either a register or an immediate as second operand"
    if instruction.target and not spec.targets:
        return "takes no target"
    for given, operand in zip(instruction.operands, spec.operands, strict=True):
        if given.memory not in operand.memories:
            return f"operand '{operand.name}' must be in {' or '.join(operand.memories)}, not {given.memory}"
        if given.index == 0 and given.index_stride:
            return f"operand '{operand.name}' has an index stride without an index register"
        for axis in range(3):
            if given.strides[axis] and axis not in operand.axes:
                return f"operand '{operand.name}' does not run over e{axis}: its stride there must be 0"
    return type_problem(spec, instruction)


def _place(field: BitField, value: int, instruction: Instruction) -> int:
    low, high = field.range
    if not low <= value <= high:
        what = "register" if high == REGISTERS - 1 else field.meaning
        raise CapacityError(
            f"{instruction.mnemonic}: field '{field.name}' ({what}): {value} does not fit, legal are {low}..{high}"
        )
    return (value & ((1 << field.width) - 1)) << field.low


def _immediate(
    spec: InstructionSpec, layout: WordFormat, number: int, instruction: Instruction
) -> int:
    value, low = instruction.imm[number], layout.by_name[f"imm{number}"].low
    if is_float_immediate(spec, number, instruction.types):
        return int.from_bytes(struct.pack("<d", value), "little") << low
    name = spec.immediates[number].name
    if not isinstance(value, int | np.integer):
        raise ProgramError(
            f"{instruction.mnemonic}: immediate '{name}' must be an integer, not {value!r}"
        )
    if not -(1 << 63) <= value < 1 << 63:
        raise CapacityError(
            f"{instruction.mnemonic}: immediate '{name}': {value} does not fit, legal are {-(1 << 63)}..{(1 << 63) - 1}"
        )
    return (int(value) & ((1 << 64) - 1)) << low
