"""``rnn.yield``, the end of every region of the rnn dialect."""

from __future__ import annotations

from xdsl.dialects.utils import AbstractYieldOperation
from xdsl.ir import Attribute, Block, Region
from xdsl.irdl import irdl_op_definition, traits_def
from xdsl.traits import IsTerminator, Pure
from xdsl.utils.exceptions import VerifyException


@irdl_op_definition
class YieldOp(AbstractYieldOperation[Attribute]):
    """The end of a step: the new states, then the step's outputs. Also the end of a region of ``rnn.if``."""

    name = "rnn.yield"

    assembly_format = "($arguments^ `:` type($arguments))? attr-dict"

    traits = traits_def(IsTerminator(), Pure())


def yield_of(body: Region | Block, what: str) -> YieldOp:
    """The ``rnn.yield`` at the end of a region; `what` it is, for the message.

    Raises:
        VerifyException: it ends with something else.
    """
    last = (body if isinstance(body, Block) else body.block).last_op
    if not isinstance(last, YieldOp):
        raise VerifyException(f"{what} must end with rnn.yield")
    return last
