"""The check of a whole program before anything of it runs.

What depends on run-time values (an address from a computed register, a loop count, an index of a gather) is
left to the simulator; everything else that could go wrong is refused here.
"""

from __future__ import annotations

from itertools import pairwise

from rnncc.errors import ProgramError
from rnncc.isa.instruction import REGISTERS
from rnncc.isa.table import ISA_VERSION
from rnncc.isa.types import ITEM_SIZES, NUMPY_TYPES
from rnncc.program.addresses import check_addresses
from rnncc.program.batch import check_batch
from rnncc.program.container import SEGMENT_KINDS, Port, Program, Segment
from rnncc.program.control import check_control
from rnncc.program.setup import check_setup

NUMERICS = ("exact", "machine")
_WIDEST = 8


def validate(program: Program) -> None:
    """Check a program whole.

    Raises:
        ProgramError: naming the instruction, segment, port or symbol, and what is wrong with it.
    """
    if program.isa_version != ISA_VERSION:
        raise ProgramError(
            f"the program is for ISA version {program.isa_version}, this rnncc runs version {ISA_VERSION}"
        )
    if program.numerics not in NUMERICS:
        raise ProgramError(f"numerics '{program.numerics[:40]}' is neither exact nor machine")
    _check_memory(program)
    _check_segments(program)
    _check_symbols(program)
    _check_ports(program)
    check_batch(program)
    if program.source_map and len(program.source_map) != len(program.words):
        raise ProgramError(
            f"source map: {len(program.source_map)} entries for {len(program.words)} instructions"
        )
    nest = check_control(program)
    check_addresses(program, nest)
    check_setup(program, nest)


def _check_memory(program: Program) -> None:
    limits = program.machine.scale(_WIDEST)
    if set(program.scale) != set(limits):
        raise ProgramError("scale: needs dram, wmem and vmem")
    for memory, scale in program.scale.items():
        if not 1 <= scale <= limits[memory]:
            raise ProgramError(
                f"scale: {scale} container bytes for a native byte of {memory}: legal are 1..{limits[memory]}"
            )
    for memory, used in program.memory.items():
        if not 0 <= used <= program.capacity(memory):
            raise ProgramError(
                f"memory: {used} bytes of {memory}, which has {program.capacity(memory)}"
            )


def _check_segments(program: Program) -> None:
    seen: set[str] = set()
    for segment in program.segments:
        where = f"segment '{segment.name[:80]}'"
        if segment.name in seen:
            raise ProgramError(f"{where}: the name is used twice")
        seen.add(segment.name)
        if segment.kind not in SEGMENT_KINDS:
            raise ProgramError(f"{where}: unknown kind '{segment.kind[:40]}'")
        if segment.address < 0 or segment.end > program.capacity("dram"):
            raise ProgramError(
                f"{where}: bytes {segment.address:#x}..{segment.end:#x} are outside the dram of "
                f"{program.capacity('dram')} bytes"
            )
        if segment.address % ITEM_SIZES[segment.dtype]:
            raise ProgramError(
                f"{where}: address {segment.address:#x} is not a multiple of its element size"
            )
        _check_array(segment, where)
    ordered = sorted(program.segments, key=lambda segment: (segment.address, segment.end))
    for before, after in pairwise(ordered):
        if after.address < before.end:
            raise ProgramError(f"segments '{before.name[:80]}' and '{after.name[:80]}' overlap")


def _check_array(segment: Segment, where: str) -> None:
    array = segment.array
    if segment.kind != "const":
        if array is not None:
            raise ProgramError(f"{where}: only constants have values")
        return
    if array is None:
        raise ProgramError(f"{where}: the constant has no values")
    if array.dtype != NUMPY_TYPES[segment.dtype] or array.shape != segment.shape:
        raise ProgramError(
            f"{where}: declared {segment.dtype} {list(segment.shape)}, but its values are "
            f"{array.dtype} {list(array.shape)}"
        )
    if not array.flags.c_contiguous:
        raise ProgramError(f"{where}: the values are not contiguous")


def _check_symbols(program: Program) -> None:
    taken: dict[int, str] = {}
    for name, symbol in program.symbols.items():
        if symbol.maximum < 1 or symbol.maximum >= 1 << 31:
            raise ProgramError(
                f"symbol '{name[:80]}': maximum {symbol.maximum} is outside 1..{(1 << 31) - 1}"
            )
        if not 1 <= symbol.register < REGISTERS:
            raise ProgramError(
                f"symbol '{name[:80]}': register {symbol.register} is outside 1..{REGISTERS - 1}"
            )
        if symbol.register in taken:
            raise ProgramError(
                f"symbols '{taken[symbol.register][:80]}' and '{name[:80]}' share a register"
            )
        taken[symbol.register] = name


def _check_ports(program: Program) -> None:
    bound: set[str] = set()
    for kind, ports in (("input", program.inputs), ("output", program.outputs)):
        names: set[str] = set()
        for port in ports:
            where = f"{kind} '{port.name[:80]}'"
            if port.name in names:
                raise ProgramError(f"{where}: the name is used twice")
            names.add(port.name)
            _check_port(program, port, kind, where)
            if port.segment in bound:
                raise ProgramError(
                    f"{where}: segment '{port.segment[:80]}' belongs to another port already"
                )
            bound.add(port.segment)
    for segment in program.segments:
        if segment.kind in ("input", "output") and segment.name not in bound:
            raise ProgramError(
                f"segment '{segment.name[:80]}': no {segment.kind} of the program uses it"
            )


def _check_port(program: Program, port: Port, kind: str, where: str) -> None:
    segment = program.segment.get(port.segment)
    if segment is None or segment.kind != kind:
        raise ProgramError(f"{where}: '{port.segment[:80]}' is no {kind} segment")
    if segment.dtype != port.dtype or segment.shape != port.shape:
        raise ProgramError(f"{where}: type or shape differs from its segment's")
    if len(port.symbols) != len(port.shape):
        raise ProgramError(f"{where}: {len(port.symbols)} symbols for {len(port.shape)} axes")
    for extent, name in zip(port.shape, port.symbols, strict=True):
        if name and name not in program.symbols:
            raise ProgramError(f"{where}: unknown symbol '{name[:80]}'")
        if name and extent % program.symbols[name].maximum:
            raise ProgramError(
                f"{where}: an extent of {extent} is no multiple of the maximum of symbol '{name[:80]}'"
            )
