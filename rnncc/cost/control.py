"""Cycles that control instructions take in the dispatcher."""

from __future__ import annotations

from rnncc.machine.description import MachineDescription


def control_cycles(machine: MachineDescription, op: str) -> int:
    """Cycles of the dispatcher for one instruction, an engine's instruction included (its dispatch).

    Args:
        machine: the machine.
        op: operation; ``s.read`` comes on top of waiting for what it reads.
    """
    control = machine.control
    if op == "endloop":
        return control.loop_cycles
    if op in ("jmp", "beqz", "breakz"):
        return control.dispatch_cycles + control.branch_cycles
    if op == "s.read":
        return control.dispatch_cycles + control.read_latency
    return control.dispatch_cycles
