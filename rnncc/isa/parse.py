"""One line of assembler text -> one instruction, by the fields of its row of the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from rnncc.errors import AssemblyError, CapacityError, ProgramError, nearest
from rnncc.isa.encode import encode, is_float_immediate
from rnncc.isa.instruction import Instruction
from rnncc.isa.lexer import Line
from rnncc.isa.operands import read_extents, read_operand
from rnncc.isa.spec import MEMORIES, InstructionSpec
from rnncc.isa.table import INSTRUCTIONS, MNEMONICS
from rnncc.isa.types import ELEMENT_TYPES


@dataclass
class Parsed:
    """An instruction as read: ``label`` is its target, ``source`` its entry of the source map."""

    instruction: Instruction
    line: Line
    label: str | None
    source: str


def parse_instruction(line: Line, addresses: Mapping[str, int]) -> Parsed:
    """Read an instruction.

    Args:
        line: at the mnemonic.
        addresses: segment name -> address, for ``dram[name + ...]``.

    Raises:
        AssemblyError: with line, column, caret and, for a mistyped name, the nearest right one.
    """
    start = line.next.column
    token = line.take("name", "an instruction")
    if token.text not in MNEMONICS:
        raise line.error(
            f"unknown instruction '{token.text}'", token.column, nearest(token.text, MNEMONICS)
        )
    op, kind = MNEMONICS[token.text]
    spec = INSTRUCTIONS[op]
    label = None
    if spec.layout == "control":
        instruction, label = _control(line, spec)
    elif spec.layout == "scalar":
        instruction = _scalar(line, spec, kind, addresses)
    else:
        instruction = _tensor(line, spec, kind, addresses)
    source = line.quoted("a source name") if line.accept("@") else ""
    line.end()
    try:
        encode(replace(instruction, target=0))
    except (CapacityError, ProgramError) as error:
        raise line.error(error.message, start, error.hint) from None
    return Parsed(instruction, line, label, source)


def _control(line: Line, spec: InstructionSpec) -> tuple[Instruction, str | None]:
    if spec.op == "loop":
        index = line.register()
        line.expect(",")
        if line.next.kind != "name":
            return Instruction("loop", rd=index, imm=(line.integer("a count or a register"),)), None
        column, count = line.next.column, line.register()
        if count == 0:
            raise line.error("r0 cannot hold the count", column, "write the count as a number")
        line.expect("max")
        return Instruction(
            "loop", rd=index, ra=count, imm=(line.integer("the greatest count"),)
        ), None
    if spec.op == "host":
        return Instruction("host", imm=(line.integer("the number of the call"),)), None
    condition = 0
    if "ra" in spec.registers:
        condition = line.register()
        if spec.targets:
            line.expect(",")
    label = line.quoted("a label") if spec.targets else None
    return Instruction(spec.op, ra=condition), label


def _scalar(
    line: Line, spec: InstructionSpec, kind: str, addresses: Mapping[str, int]
) -> Instruction:
    rd = line.register()
    line.expect(",")
    if spec.op == "s.imm":
        return Instruction("s.imm", rd=rd, imm=(line.integer("a number"),))
    if spec.op == "s.read":
        kinds = (line.choice("element type", ELEMENT_TYPES),)
        return Instruction("s.read", types=kinds, operands=(read_operand(line, addresses),), rd=rd)
    ra = line.register()
    line.expect(",")
    if line.next.kind == "name":
        return Instruction("s", kind, rd=rd, ra=ra, rb=line.register())
    return Instruction("s", kind, rd=rd, ra=ra, imm=(line.integer("a register or a number"),))


def _tensor(
    line: Line, spec: InstructionSpec, kind: str, addresses: Mapping[str, int]
) -> Instruction:
    types = [line.choice("element type", ELEMENT_TYPES)]
    while line.accept(","):
        types.append(line.choice("element type", ELEMENT_TYPES))
    if len(types) == 1:
        types *= len(spec.operands)
    extents = read_extents(line)
    operands, given = [], {}
    while line.next.kind != "end" and line.next.text != "@":
        if operands or given:
            line.expect(",")
        if len(operands) < len(spec.operands):
            operands.append(read_operand(line, addresses))
            continue
        column = line.next.column
        if not spec.immediates or line.next.text in MEMORIES:
            raise line.error(f"'{spec.op}' takes no more than {len(spec.operands)} operands")
        name = line.choice("immediate", _immediates(spec))
        if name in given:
            raise line.error(f"'{name}' is given twice", column)
        line.expect("=")
        given[name] = line.number("a number")
    if len(operands) != len(spec.operands) or len(types) != len(spec.operands):
        names = ", ".join(operand.name for operand in spec.operands)
        raise line.error(
            f"'{spec.op}' takes {len(spec.operands)} operands and as many types or one: {names}"
        )
    values = tuple(
        _immediate(line, spec, number, given, tuple(types))
        for number in range(len(spec.immediates))
    )
    return Instruction(spec.op, kind, tuple(types), extents, tuple(operands), values)


def _immediates(spec: InstructionSpec) -> list[str]:
    return [immediate.name for immediate in spec.immediates]


def _immediate(
    line: Line,
    spec: InstructionSpec,
    number: int,
    given: dict[str, float | int],
    types: tuple[str, ...],
) -> float | int:
    name = spec.immediates[number].name
    if is_float_immediate(spec, number, types):
        return float(given.get(name, 0.0))
    value = given.get(name, 0)
    if isinstance(value, float):
        raise line.error(f"'{name}' must be an integer, not {value}")
    return value


def resolve(parsed: list[Parsed], labels: Mapping[str, int]) -> list[Instruction]:
    """Put in the targets of branches, by their labels, and of loops, by their ``endloop``.

    Raises:
        AssemblyError: a label is unknown, a loop is not closed, an ``endloop`` closes nothing.
    """
    result = [item.instruction for item in parsed]
    loops: list[int] = []
    for number, item in enumerate(parsed):
        if item.label is not None:
            if item.label not in labels:
                raise _at(item, f"unknown label '{item.label}'", nearest(item.label, labels))
            result[number] = replace(item.instruction, target=labels[item.label])
        elif item.instruction.op == "loop":
            loops.append(number)
        elif item.instruction.op == "endloop":
            if not loops:
                raise _at(item, "endloop without a loop")
            loop = loops.pop()
            result[loop] = replace(result[loop], target=number)
    if loops:
        raise _at(parsed[loops[-1]], "this loop has no endloop")
    return result


def _at(item: Parsed, message: str, hint: str | None = None) -> AssemblyError:
    return item.line.error(message, item.line.tokens[0].column, hint)
