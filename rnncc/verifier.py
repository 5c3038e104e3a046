"""Structural checks of a module: xDSL's own verification, and dominance, which xDSL does not check."""

from __future__ import annotations

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, BlockArgument, Operation, SSAValue
from xdsl.utils.exceptions import VerifyException


def verify_module(module: ModuleOp) -> None:
    """Verify structure and dominance.

    Raises:
        VerifyException: an operation breaks its own rules, or uses a value that is not defined before it.
    """
    module.verify()
    verify_dominance(module)


def verify_dominance(module: Operation) -> None:
    """Every operand is defined earlier in its block, or in a block around it; one linear walk.

    Our dialects have single-block regions only, where order in the block is dominance; a region of several blocks
    (xDSL's cf) is left to its own dialect.
    """
    _check_regions(module, set())


def _check_regions(op: Operation, visible: set[SSAValue]) -> None:
    for region in op.regions:
        if len(region.blocks) == 1:
            _check_block(region.blocks[0], visible)


def _check_block(block: Block, visible: set[SSAValue]) -> None:
    here: list[SSAValue] = list(block.args)
    visible.update(block.args)
    for op in block.ops:
        for index, operand in enumerate(op.operands):
            if operand not in visible:
                where = (
                    "a block argument out of scope"
                    if isinstance(operand, BlockArgument)
                    else f"the result of '{operand.owner.name}', which does not come before it"  # pyright: ignore
                )
                raise VerifyException(f"'{op.name}' uses as operand {index} {where}")
        _check_regions(op, visible)
        visible.update(op.results)
        here.extend(op.results)
    visible.difference_update(here)
