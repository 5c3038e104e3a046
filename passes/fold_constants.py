"""``fold-constants``: compute at compile time what does not depend on the inputs.

Needs: operations of the onnx dialect with known types. What the front end imports is folded already;
the pass serves modules that come as text, and what other passes make constant.

Ensures: no operator with a kernel in `rnncc.frontend.kernels` has only constant operands, unless its
result would be more than 16 MB larger than they are; Shape and Size of static types are constants;
onnx.If with a constant condition is its branch; operators that do nothing, and constants that
nothing uses, are gone. A result that follows a run-time length is never folded.

Exact. Source: constant folding with the operator semantics of the ONNX specification.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation, SSAValue
from xdsl.passes import ModulePass

from rnncc.dialects import onnx
from rnncc.dialects._onnx_attributes import from_attribute
from rnncc.dialects._onnx_canonical import does_nothing
from rnncc.dialects._types import copy_node, element_type, shape_of, symbols_of, tensor_type
from rnncc.dialects._weights import WeightAttr
from rnncc.errors import ModelError


def constant_array(value: SSAValue | None) -> np.ndarray | None:
    """The array of a value that an onnx.Constant makes, else None."""
    if value is None or not isinstance(owner := value.owner, Operation):
        return None
    if owner.name != "onnx.Constant" or "value" not in owner.properties:
        return None
    array = from_attribute(owner.properties["value"])
    return array if isinstance(array, np.ndarray) else None


def _kernel_results(op: onnx.OnnxOp) -> list[np.ndarray] | None:
    """The results of an operator on constants, or None when it is not to be folded."""
    from rnncc.frontend import kernels

    inputs = op.inputs_by_position()
    if any(any(symbols_of(r)) for r in op.results) or not op.operands:
        return None
    kind, attributes = op.FORM.op_type, op.onnx_attributes()
    # A class of an older form (onnx.Squeeze_1) has its axes elsewhere; kernels know the newest.
    if op.name != f"onnx.{kind}":
        return None
    if kind in ("Shape", "Size"):
        data = op.operands[0]
        sizes = [-1 if s else n for n, s in zip(shape_of(data), symbols_of(data), strict=True)]
        start, end = attributes.get("start", 0), attributes.get("end")
        wanted = sizes if kind == "Size" else sizes[start:end]
        if -1 in wanted:
            return None
        return [np.array(np.prod(wanted) if kind == "Size" else wanted, np.int64)]
    arrays = [constant_array(v) for v in inputs]
    if any(v is not None and a is None for v, a in zip(inputs, arrays, strict=True)):
        return None
    count = len(op.outputs_by_position())
    if count != len(op.results):
        return None
    try:
        return kernels.evaluate(kind, arrays, attributes, count)
    except kernels.NotFoldable:
        return None
    except (ValueError, IndexError, TypeError, OverflowError) as error:
        raise ModelError(f"{op.name}: its constants do not fit: {error}") from None


def _constants(op: onnx.OnnxOp, arrays: list[np.ndarray]) -> list[onnx.OnnxOp]:
    made = []
    for result, array in zip(op.results, arrays, strict=True):
        kind = tensor_type(element_type(array.dtype), array.shape)
        if kind != result.type:
            raise ModelError(f"{op.name}: its constant result is {kind}, not {result.type}")
        attribute = WeightAttr(result.name_hint or "", array)
        constant = onnx.operation("Constant").make([], [kind], {"value": attribute}, version=13)
        copy_node(op, constant)
        made.append(constant)
    return made


def _replace(op: Operation, values: list[SSAValue]) -> None:
    for result, value in zip(op.results, values, strict=True):
        value.name_hint = value.name_hint or result.name_hint
        result.replace_all_uses_with(value)
    op.detach()
    op.erase()


def _take_branch(op: onnx.OnnxOp, block: Block) -> list[Operation]:
    """Put the branch that a constant condition chooses in the place of an If."""
    condition = constant_array(op.operands[0])
    assert condition is not None
    region = op.regions[0 if condition.reshape(-1)[0] else 1]
    inner = list(region.block.ops)
    for child in inner[:-1]:
        child.detach()
        block.insert_op_before(child, op)
    _replace(op, list(inner[-1].operands))
    return inner[:-1]


def _fold_block(block: Block) -> None:
    pending = list(reversed(list(block.ops)))
    while pending:
        op = pending.pop()
        if not isinstance(op, onnx.OnnxOp):
            for region in op.regions:
                _fold_blocks(region)
            continue
        if op.FORM.op_type == "If" and constant_array(op.operands[0]) is not None:
            pending.extend(reversed(_take_branch(op, block)))
            continue
        for region in op.regions:
            _fold_blocks(region)
        if does_nothing(op) and all(not r.uses for r in op.results[1:]):
            op.results[0].replace_all_uses_with(op.operands[0])
            op.detach()
            op.erase()
        elif (arrays := _kernel_results(op)) is not None:
            made = _constants(op, arrays)
            block.insert_ops_before(made, op)
            _replace(op, [constant.results[0] for constant in made])
    for op in reversed(list(block.ops)):
        if op.name == "onnx.Constant" and not op.results[0].uses:
            op.detach()
            op.erase()


def _fold_blocks(region) -> None:
    for block in region.blocks:
        _fold_block(block)


@dataclass(frozen=True)
class FoldConstantsPass(ModulePass):
    """Compute at compile time what does not depend on the inputs; see the top of this file."""

    name = "fold-constants"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Fold every function of the module in place."""
        for region in op.regions:
            _fold_blocks(region)
