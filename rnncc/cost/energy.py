"""Energy of a run: what each operation and each byte takes, by number format and by memory.

The base figures are those of a 45 nm process at 0.9 V: Horowitz, "Computing's energy problem (and what we can do
about it)", ISSCC 2014 (recalled). Multipliers: int8 0.2 pJ, int32 3.1, fp16 1.1, fp32 3.7; adders: int8 0.03,
int32 0.1, fp16 0.4, fp32 0.9; an on-chip memory, 64 bits a time: 10 pJ from 8 KiB, 20 from 32 KiB, 100 from 1 MiB,
which is 10 pJ times the square root of the size over 8 KiB; an instruction 70 pJ. Between them:

* an integer multiplier's energy goes with the product of its operands' widths (int8 0.2, int32 3.2);
* a floating-point multiplier's with that product of significands to the power 0.78, which both published points lie on;
* block floating point multiplies mantissas as integers: the exponent is shared;
* another process scales the capacitance with its feature size and the energy with the square of its voltage
  (the machine file says both): a scaling for comparison, not a sign-off;
* a memory is as many banks of 64 bits as its bytes a cycle ask for, each of its share of the size.

Not counted: wires between the units, clocks, and leakage unless the machine file knows its static power.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from typing import Any

from rnncc.cost.matrix import weight_reads
from rnncc.cost.vector import operation_class
from rnncc.cost.work import Work
from rnncc.isa.types import FLOAT_TYPES, ITEM_SIZES
from rnncc.machine.description import MachineDescription
from rnncc.machine.formats import FORMATS

BASE_NM, BASE_VOLTS = 45.0, 0.9
INT8_MULTIPLY, FP16_MULTIPLY = 0.2, 1.1
ADDERS = {
    "int8": 0.03,
    "int16": 0.05,
    "int32": 0.1,
    "bf16": 0.4,
    "fp16": 0.4,
    "fp32": 0.9,
    "fp64": 1.8,
}
"""Picojoules of an addition; int16 and fp64 are taken as in proportion to their neighbours, bf16 as fp16."""
SIGNIFICANDS = {"bf16": 8, "fp16": 11, "fp32": 24, "fp64": 53}
FLOAT_POWER = 0.78
BANK, BANK_PJ, BANK_BYTES = 8 << 10, 10.0, 8
INSTRUCTION_PJ = 70.0
WORK_OF_CLASS = {
    "simple": (0, 1),
    "reduce": (0, 1),
    "multiply": (1, 0),
    "divide": (4, 4),
    "transcendental": (4, 4),
}
"""Multiplications and additions of one element; an iterative or piecewise function is taken as four of each."""


ENERGY_PARTS = ("macs", "vector", "wmem", "vmem", "dram", "control", "static")
"""Where energy goes."""


@dataclass(frozen=True)
class EnergyUse:
    """Energy of a run in picojoules, by where it went.

    Attributes:
        macs: the matrix engine's multiply-accumulates.
        vector: the vector engine's operations.
        wmem, vmem, dram: moving bytes to and from each memory.
        control: instructions.
        static: power that flows anyway, over the run's time; 0 where it is not known.
        seconds: the run's time.
    """

    macs: float
    vector: float
    wmem: float
    vmem: float
    dram: float
    control: float
    static: float
    seconds: float

    @property
    def parts(self) -> dict[str, float]:
        """Picojoules by part."""
        return {name: getattr(self, name) for name in ENERGY_PARTS}

    @property
    def total(self) -> float:
        """Picojoules in all."""
        return sum(self.parts.values())

    @property
    def watts(self) -> float:
        """Average power."""
        return self.total * 1e-12 / self.seconds if self.seconds else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, as for JSON."""
        parts = {f"{name}_pj": value for name, value in self.parts.items()}
        return {**parts, "total_pj": self.total, "average_watts": self.watts}


def logic_scale(machine: MachineDescription) -> float:
    """Energy of a gate's switching on a machine, relative to 45 nm at 0.9 V."""
    energy = machine.energy
    return energy.process_nm / BASE_NM * (energy.volts / BASE_VOLTS) ** 2 * energy.logic_factor


def multiply_pj(a: str, b: str) -> float:
    """Picojoules of a multiplication of two number formats at 45 nm."""
    if a in SIGNIFICANDS and b in SIGNIFICANDS:
        product = SIGNIFICANDS[a] * SIGNIFICANDS[b]
        return FP16_MULTIPLY * (product / SIGNIFICANDS["fp16"] ** 2) ** FLOAT_POWER
    widths = [FORMATS[name].bits for name in (a, b) if name not in SIGNIFICANDS]
    # Floating-point activations are put into the weights' block format on their way in.
    first, second = (widths * 2)[:2]
    return INT8_MULTIPLY * first * second / 64


def add_pj(name: str) -> float:
    """Picojoules of an addition in a number format at 45 nm."""
    return ADDERS.get(name, ADDERS["int8"])


def mac_pj(machine: MachineDescription, element: str = "f32") -> float:
    """Picojoules of one multiply-accumulate on a machine.

    Args:
        machine: its formats count for floating-point elements, and its silicon.
        element: element type of the program; integers multiply as they are.
    """
    formats = machine.formats
    weights, activations, sums = formats.weights, formats.activations, formats.accumulate
    if element and element not in FLOAT_TYPES:
        weights = activations = f"int{8 * ITEM_SIZES[element]}" if element != "i64" else "int32"
        sums = "int32"
    return (multiply_pj(weights, activations) + add_pj(sums)) * logic_scale(machine)


def byte_pj(machine: MachineDescription, memory: str) -> float:
    """Picojoules to read or write a byte of a memory."""
    if memory == "dram":
        return machine.energy.dram_pj_per_byte
    described = machine.memories[memory]
    banks = max(1.0, described.bytes_per_cycle / BANK_BYTES)
    silicon = machine.energy.process_nm / BASE_NM * (machine.energy.volts / BASE_VOLTS) ** 2
    return BANK_PJ * sqrt(described.size / banks / BANK) / BANK_BYTES * silicon


def vector_pj(machine: MachineDescription, work: Work) -> float:
    """Picojoules of the arithmetic of one vector instruction."""
    multiplications, additions = WORK_OF_CLASS[operation_class(work.op, work.kind)]
    name = machine.formats.activations
    each = multiplications * multiply_pj(name, name) + additions * add_pj(name)
    return work.elements * each * logic_scale(machine)


def energy(
    machine: MachineDescription,
    executed: Iterable[tuple[Work, int]],
    instructions: int,
    cycles: int,
) -> EnergyUse | None:
    """Energy of a run, None when the machine does not describe it.

    Args:
        machine: where it ran.
        executed: each kind of work of the engines, and how often.
        instructions: executed in all, control among them.
        cycles: of the run.
    """
    if not machine.energy.described:
        return None
    macs = vector = 0.0
    moved: dict[str, float] = dict.fromkeys(("wmem", "vmem", "dram"), 0.0)
    for work, times in executed:
        if work.macs:
            macs += times * work.macs * mac_pj(machine, work.element)
        elif work.op not in ("dma", "gather"):
            vector += times * vector_pj(machine, work)
        for access in work.accesses:
            nbytes = access.nbytes
            if work.macs and access.memory == "wmem":
                nbytes = weight_reads(machine, work)
            moved[access.memory] += times * nbytes * (int(access.reads) + int(access.writes))
    seconds = machine.seconds(cycles)
    return EnergyUse(
        macs=macs,
        vector=vector,
        wmem=moved["wmem"] * byte_pj(machine, "wmem"),
        vmem=moved["vmem"] * byte_pj(machine, "vmem"),
        dram=moved["dram"] * byte_pj(machine, "dram"),
        control=instructions * INSTRUCTION_PJ * logic_scale(machine),
        static=machine.energy.static_watts * seconds * 1e12,
        seconds=seconds,
    )
