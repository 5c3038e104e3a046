"""Moving the last operations of a scan's step behind the scan, onto the stacked outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from xdsl.ir import Block, Operation, SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import shape_of, tensor_type, type_of
from rnncc.dialects.rnn import ScanOp
from rnncc.passes._batch import batch
from rnncc.passes._emit import Emitter, constant_of
from rnncc.passes._scan_parts import Stacked, erase_scan, part_of

_FUNCTIONS = ("elu", "erf", "leaky_relu", "scaled_tanh", "sin", "softsign", "sqrt", "tanh")
_STEPS = ("abs", "ceil", "floor", "identity", "neg", "relu", "round", "sign")
ZERO_UNARY = frozenset((*_FUNCTIONS, *_STEPS))
"""Unary kinds that make zero of zero, whatever their parameters."""


def rest_is_zero(scan: ScanOp, moved: Iterable[Operation]) -> bool:
    """Whether moved work makes zero in the rows that no step reaches, where a scan has zeros."""
    return (scan.lens is None and scan.steps is None) or all(map(_keeps_zero, moved))


def _keeps_zero(op: Operation) -> bool:
    """Whether an operation makes zero of operands of the step that are zero."""
    if isinstance(op, nn.UnaryOp):
        return op.kind.data in ZERO_UNARY
    if isinstance(op, nn.BinaryOp):
        # A factor from outside the step could be infinite, a term from there not zero.
        within = all(_block_of(v) is op.parent for v in op.operands)
        return within and op.kind.data in ("add", "sub", "mul", "min", "max")
    if isinstance(op, nn.MatmulOp):
        weights = constant_of(op.b)
        return weights is not None and bool(np.isfinite(weights).all())
    return isinstance(op, nn.ReshapeOp | nn.TransposeOp | nn.SliceOp | nn.CastOp)


def _block_of(value: SSAValue) -> Block | None:
    owner = value.owner
    return owner if isinstance(owner, Block) else owner.parent


def move_out(scan: ScanOp, chosen: Mapping[Operation, bool]) -> ScanOp:
    """Do operations of a scan's step behind it, for all steps at once.

    Args:
        chosen: the operations, in order -> whether their results run backward. Each can be batched,
            and its results reach nothing but outputs of that direction and each other. Nothing
            that does not change from step to step is left in the step.

    Returns:
        The scan that is left, in place of the old one.
    """
    zeros: dict[Operation, bool] = {}
    sources, stacked = _sources(scan, chosen)
    kept = [k for k, value in enumerate(scan.yielded_outputs) if value.owner not in chosen]
    outputs = [(scan.yielded_outputs[k], scan.output_flags[k]) for k in kept]
    outputs += [key for key in stacked if key not in outputs]
    ops = [op for op in scan.body.block.ops if op not in chosen and op is not scan.terminator]
    new = part_of(scan, ops, range(len(scan.inits)), outputs, {})
    made = sources | {key: new.outputs[outputs.index(key)] for key in stacked}
    emit = Emitter(scan)
    for op, flag in chosen.items():
        below = all(zeros.get(v.owner, True) for v in op.operands if isinstance(v.owner, Operation))
        zeros[op] = below and rest_is_zero(scan, [op])
        operands = {v: made[v, flag] for v in op.operands if (v, flag) in made}
        named = Emitter(op if op.attributes else scan, emit.place)
        value = batch(op, operands, named, scan.count, scan.symbol.data)
        value.name_hint = op.results[0].name_hint
        made[op.results[0], flag] = value
    for k, old in enumerate(scan.outputs):
        flag = scan.output_flags[k]
        if k in kept:
            value = new.outputs[kept.index(k)]
        else:
            value = made[scan.yielded_outputs[k], flag]
            owner = scan.yielded_outputs[k].owner
            assert isinstance(owner, Operation)
            value = value if zeros[owner] else _zero_rest(scan, value, emit)
        value.name_hint = value.name_hint or old.name_hint
        old.replace_all_uses_with(value)
    for old, value in zip(scan.states, new.states, strict=True):
        old.replace_all_uses_with(value)
    erase_scan(scan)
    return new


Sequences = dict[Stacked, SSAValue]
"""A value of the step, and whether it runs backward -> its values of all steps."""


def _sources(scan: ScanOp, chosen: Mapping[Operation, bool]) -> tuple[Sequences, list[Stacked]]:
    """What of the step the chosen operations read: the inputs as they are, and what must be stacked."""
    whole = scan.lens is None and scan.steps is None
    own = zip(scan.slice_args, zip(scan.inputs, scan.input_flags, strict=True), strict=True)
    inputs: dict[SSAValue, Stacked] = dict(own)
    direct: Sequences = {}
    stacked: dict[Stacked, None] = {}
    for op, flag in chosen.items():
        for value in op.operands:
            if value.owner in chosen or _block_of(value) is not scan.body.block:
                continue
            if whole and value in inputs and inputs[value][1] == flag:
                direct[value, flag] = inputs[value][0]
            else:
                stacked[value, flag] = None
    return direct, list(stacked)


def _zero_rest(scan: ScanOp, value: SSAValue, emit: Emitter) -> SSAValue:
    """Zero in the rows of an output, [T, ...], that no step reaches."""
    limit = scan.lens if scan.lens is not None else scan.steps
    assert limit is not None
    rank = len(shape_of(value))
    kind = type_of(limit).element_type
    symbols = [scan.symbol.data] + [""] * (rank - 1)
    times = emit(nn.IotaOp(tensor_type(kind, [scan.count] + [1] * (rank - 1), symbols), 0))
    rows = limit
    if scan.lens is not None:
        rows = emit.reshape(limit, (*shape_of(limit), *[1] * (rank - 2)), ("",) * (rank - 1))
    reached = emit(nn.CompareOp("lt", times, rows))
    return emit(nn.SelectOp(reached, value, emit.scalar(0, type_of(value).element_type)))
