"""Cycles of one instruction on one machine: pure functions shared by scheduler, simulator and bounds."""

from __future__ import annotations

from rnncc.cost.control import control_cycles
from rnncc.cost.dma import dma_cost
from rnncc.cost.matrix import matrix_cost
from rnncc.cost.model import Cost
from rnncc.cost.vector import vector_cost
from rnncc.cost.work import Access, Work, work, work_of_instruction
from rnncc.isa.table import INSTRUCTIONS
from rnncc.machine.description import MachineDescription

__all__ = ["Access", "Cost", "Work", "control_cycles", "cost", "work", "work_of_instruction"]

_ENGINES = {"dma": dma_cost, "matrix": matrix_cost, "vector": vector_cost}


def cost(machine: MachineDescription, work: Work) -> Cost:
    """Cycles of one execution of an instruction that runs on an engine.

    Args:
        machine: where it runs.
        work: what it does; an instruction without elements still takes a cycle.

    Raises:
        KeyError: a control instruction (``control_cycles`` is for those).
    """
    return _ENGINES[INSTRUCTIONS[work.op].engine](machine, work)
