"""What a machine's memories hold, in bytes of the containers that values are kept in."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from xdsl.dialects.builtin import TensorType
from xdsl.ir import Attribute, Operation, SSAValue

from rnncc.dialects._types import is_float, numpy_dtype, shape_of, type_of
from rnncc.machine import MachineDescription, load_machine

STAGING_SHARE = 0.25
"""Share of the vector memory that the blocks of one tiled operation may take."""
PLACED_SHARE = 0.7
"""Share of the vector memory that is promised to tensors; the rest is for blocks and alignment."""


@dataclass(frozen=True)
class Budget:
    """Capacities for one model on one machine."""

    machine: MachineDescription
    wmem: int
    """Bytes of the weight memory."""
    vmem: int
    """Bytes of the vector memory."""

    @property
    def placed(self) -> int:
        """Bytes of vector memory for tensors."""
        return int(self.vmem * PLACED_SHARE)

    @property
    def staging(self) -> int:
        """Bytes of vector memory for the blocks of one operation."""
        return int(self.vmem * STAGING_SHARE)


def budget_of(target: str, root: Operation) -> Budget:
    """The capacities of machine `target` for the operations below `root`."""
    machine = load_machine(target)
    width = float_bytes(root)
    return Budget(machine, machine.capacity("wmem", width), machine.capacity("vmem", width))


def float_bytes(root: Operation) -> int:
    """Bytes of the widest floating-point type that the operations below `root` compute in."""
    widths = [
        numpy_dtype(v.type.element_type).itemsize
        for op in root.walk()
        for v in op.results
        if isinstance(v.type, TensorType) and is_float(v.type.element_type)
    ]
    return max(widths, default=4)


def nbytes(value: SSAValue | Attribute) -> int:
    """Bytes of a tensor at its largest shape."""
    return prod(shape_of(value)) * itembytes(value)


def itembytes(value: SSAValue | Attribute) -> int:
    """Bytes of one element of a tensor."""
    return numpy_dtype(type_of(value).get_element_type()).itemsize
