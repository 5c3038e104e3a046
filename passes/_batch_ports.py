"""Inputs and outputs of batch-sequences: where their rows and their time are, and what is added."""

from __future__ import annotations

from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr, StringAttr
from xdsl.ir import Attribute, Block, BlockArgument, SSAValue

from rnncc.dialects import rnn
from rnncc.dialects._types import shape_of, symbols_of, tensor_type, type_of
from rnncc.errors import PassError
from rnncc.passes._rows import Rows, argument_place, rows_type
from rnncc.passes._rows_slots import PLACE_ROLES, STEP_ROLES, SlotBatcher


def counts(function: func.FuncOp) -> set[int]:
    """How many steps the outer scans of a function have."""
    return {op.count for op in function.body.block.ops if isinstance(op, rnn.ScanOp)}


def time_of(old: BlockArgument, axis: int, grown: bool, steps: set[int]) -> int | None:
    """The axis of an input along which its sequences run: one with a run-time length, or as long as a scan.

    Args:
        old: the input for one sequence.
        axis, grown: where its rows go (``Rows``).
        steps: what `counts` gives.
    """
    shape, symbols = shape_of(old), symbols_of(old)
    free = [i for i, s in enumerate(symbols) if s]
    if free:
        return free[0]
    fixed = [
        i for i, n in enumerate(shape[:-1] or shape) if n in steps and not (grown and i == axis)
    ]
    return fixed[0] if fixed else None


def add_argument(
    target: Block, old: BlockArgument, steps: set[int], size: int, requests: int, ragged: bool
) -> Rows:
    """The input for many sequences; in a cellular batch what has no time is there for each request.

    Args:
        size: rows of what has a time.
        requests: rows of the other inputs in a cellular batch, else 0.
        ragged: whether rows have lengths of their own.
    """
    one = type_of(old)
    axis, grown = argument_place(one, steps)
    time = time_of(old, axis, grown, steps) if ragged else None
    whole = bool(requests) and time is None
    kind = rows_type(one, axis, grown, requests if whole else size)
    new = target.insert_arg(kind, len(target.args))
    new.name_hint = old.name_hint
    return Rows(new, one, axis, grown, time, whole)


def row_axes(rows: Rows) -> tuple[int, int]:
    """The axes of the rows and of the time (-1: none) in a value."""
    if rows.time is None:
        return rows.axis, -1
    return rows.axis, rows.time + (not rows.grown and rows.axis <= rows.time)


def add_roles(
    batcher: SlotBatcher, source: Block, target: Block, steps: set[int]
) -> dict[SSAValue, str]:
    """The inputs that say what slots serve; those with a value for each step are arguments of the source too.

    Returns: the new arguments and their names.

    Raises:
        PassError: the inputs have no time, or several.
    """
    times = {
        (shape_of(old)[r.time], symbols_of(old)[r.time])
        for old in source.args
        if isinstance(r := batcher.env[old], Rows) and r.time is not None
    }
    if len(times) != 1:
        what = "no input steps with a recurrence" if not times else "its inputs have several times"
        raise PassError(f"batch-sequences: {what}, so that requests cannot follow one another")
    ((most, symbol),) = times
    added: dict[SSAValue, str] = {}
    for name, element in STEP_ROLES.items():
        old = source.insert_arg(tensor_type(element, [most], [symbol]), len(source.args))
        old.name_hint = name
        rows = add_argument(target, old, {*steps, most}, batcher.size, 0, True)
        batcher.env[old], batcher.roles[name], added[rows.value] = rows, old, name
    for name in PLACE_ROLES:
        kind = tensor_type(STEP_ROLES["request"], [batcher.requests])
        new = batcher.roles[name] = add_plain(target, name, kind)
        added[new] = name
    return added


def add_plain(target: Block, name: str, kind: Attribute) -> BlockArgument:
    """One more input."""
    new = target.insert_arg(kind, len(target.args))
    new.name_hint = name
    return new


def drop_unused(target: Block, added: dict[SSAValue, str]) -> list[str]:
    """Take away those added inputs that nothing reads; gives the names of the others."""
    for argument in [a for a in added if a.first_use is None]:
        assert isinstance(argument, BlockArgument)
        target.erase_arg(argument)
        del added[argument]
    return list(added.values())


def add_names(function: func.FuncOp, wanted: list[str]) -> None:
    """Name the inputs that were added, each as wanted where no other has that name."""
    names = function.attributes.get("rnncc.inputs")
    if not isinstance(names, ArrayAttr) or not wanted:
        return
    taken = {n.data for n in names if isinstance(n, StringAttr)}
    fresh: list[str] = []
    for name in wanted:
        candidates = (name + (f"_{i}" if i else "") for i in range(len(taken) + 1))
        fresh.append(next(n for n in candidates if n not in taken))
        taken.add(fresh[-1])
    function.attributes["rnncc.inputs"] = ArrayAttr([*names, *map(StringAttr, fresh)])
