"""Modules of the onnx dialect made from single nodes, with types taken from known arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, IntegerAttr, ModuleOp, StringAttr, i64
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

from rnncc.dialects import nn
from rnncc.dialects import onnx as dialect
from rnncc.dialects._onnx_attributes import to_attribute
from rnncc.dialects._types import element_type, tensor_type
from rnncc.errors import UnsupportedError


def static(array: Any) -> Attribute:
    """The static type of an array; UnsupportedError for strings, sequences and the like."""
    if not isinstance(array, np.ndarray | np.generic):
        raise UnsupportedError("not a tensor")
    return tensor_type(element_type(array.dtype), array.shape)


def function(
    arguments: Mapping[str, Attribute], symbols: Mapping[str, int] | None = None
) -> tuple[ModuleOp, Block, dict[str, SSAValue]]:
    """A module with an empty ``@main``, its block, and its arguments by name."""
    block = Block(arg_types=list(arguments.values()))
    types = list(arguments.values())
    main = func.FuncOp("main", (types, []), Region(block))
    main.attributes["rnncc.inputs"] = ArrayAttr([StringAttr(name) for name in arguments])
    if symbols:
        table: dict[str, Attribute] = {s: IntegerAttr(n, i64) for s, n in symbols.items()}
        main.attributes["rnncc.symbols"] = DictionaryAttr(table)
    return ModuleOp([main]), block, dict(zip(arguments, block.args, strict=True))


def finish(block: Block, results: Mapping[str, SSAValue]) -> None:
    """Return the values from the function around the block, under ONNX names."""
    block.add_op(func.ReturnOp(*results.values()))
    main = block.parent_op()
    assert isinstance(main, func.FuncOp)
    main.attributes["rnncc.outputs"] = ArrayAttr([StringAttr(name) for name in results])
    main.update_function_type()


def version(op_type: str, opset: int = onnx.defs.onnx_opset_version()) -> int:
    """Since-version of an operator in an opset."""
    return onnx.defs.get_schema(op_type, opset).since_version


def node(
    op_type: str,
    operands: Sequence[SSAValue | None],
    results: Sequence[Attribute | None],
    opset: int = onnx.defs.onnx_opset_version(),
    name: str = "the_node",
    **attributes: Any,
) -> Operation:
    """One operation of the onnx dialect from Python attribute values."""
    proto = onnx.helper.make_node(op_type, [], [], **attributes)
    properties = {
        a.name: to_attribute(_value(a), a.type, f"{op_type}.{a.name}") for a in proto.attribute
    }
    cls = dialect.operation_for(op_type, version(op_type, opset))
    return cls.make(
        operands,
        results,
        properties,
        version=version(op_type, opset),
        attributes={"onnx.node": StringAttr(name)},
    )


def _value(attribute: onnx.AttributeProto) -> Any:
    value = onnx.helper.get_attribute_value(attribute)
    if attribute.type == onnx.AttributeProto.TENSOR:
        return onnx.numpy_helper.to_array(value)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list) and value and isinstance(value[0], bytes):
        return [v.decode() for v in value]
    return value


def constant(block: Block, array: np.ndarray) -> SSAValue:
    """A constant in the block."""
    op = nn.ConstantOp(array)
    block.add_op(op)
    return op.result
