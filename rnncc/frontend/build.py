"""From the importer's graph to a module in the onnx dialect."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import onnx
from xdsl.dialects.builtin import (
    DictionaryAttr,
    IntegerAttr,
    ModuleOp,
    NameLoc,
    StringAttr,
    TensorType,
    UnknownLoc,
    i64,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, SSAValue
from xdsl.ir import Region as IrRegion
from xdsl.utils.exceptions import VerifyException

from rnncc.dialects import onnx as dialect
from rnncc.dialects._main import set_names
from rnncc.dialects._onnx_attributes import to_attribute
from rnncc.dialects._types import element_type, set_node, tensor_type
from rnncc.dialects._weights import WeightAttr
from rnncc.errors import ModelError, UnsupportedError
from rnncc.frontend.arrays import byte_size, dtype_of, type_name
from rnncc.frontend.graph import Node, Region, Value
from rnncc.frontend.plan import Plan

_CONSTANT_VERSION = 13


class Builder:
    """Builds the IR of one planned graph.

    Args:
        region: the graph at its largest sizes.
        plan: what of it is needed.
        symbols: free dimension -> symbol in the types.
        maxima: free dimension -> largest size.
    """

    def __init__(
        self, region: Region, plan: Plan, symbols: Mapping[str, str], maxima: Mapping[str, int]
    ):
        self.region, self.plan = region, plan
        self.symbols, self.maxima = symbols, maxima
        self.values: dict[tuple, SSAValue] = {}
        self.constants: dict[tuple, SSAValue] = {}
        self.entry: Block | None = None
        self.last_constant: dialect.OnnxOp | None = None

    def module(self, output_names: list[str], reason: str | None) -> ModuleOp:
        """The module with ``func.func @main``.

        Raises:
            ModelError: the operands of a node do not fit its operator.
            UnsupportedError: an element type that rnncc does not have.
        """
        block = Block(arg_types=[self.type(v) for v in self.region.arguments])
        self.entry = block
        for argument, value in zip(block.args, self.region.arguments, strict=True):
            argument.name_hint = _hint(value.name)
            self.values[value.key] = argument
        self._nodes(self.region, block)
        results = [self._operand(v) for v in self.region.results]
        block.add_op(ReturnOp(*results))
        kind = ([a.type for a in block.args], [r.type for r in results])
        function = FuncOp("main", kind, IrRegion(block))
        names = [v.name for v in self.region.arguments]
        set_names(function, inputs=names, outputs=output_names)
        sizes = {s: IntegerAttr(self.maxima[d], i64) for d, s in self.symbols.items()}
        function.attributes["rnncc.symbols"] = DictionaryAttr(sizes)
        module = ModuleOp([function])
        if reason:
            module.attributes["rnncc.static_reason"] = StringAttr(reason)
        return module

    def type(self, value: Value) -> TensorType:
        """The tensor type of a value; raises UnsupportedError for an element type not had."""
        owner = f"'{value.name}'" + (f" of {value.node.where}" if value.node else "")
        dtype = dtype_of(value.element, owner)
        try:
            element = element_type(dtype)
        except UnsupportedError:
            word = type_name(value.element)
            raise UnsupportedError(f"{owner} has the element type {word}: not supported") from None
        shape = value.known_shape or ()
        byte_size(shape, dtype, owner)
        symbols = [self.symbols.get(s, "") for s in self.plan.symbols[value.key]]
        return tensor_type(element, shape, symbols)

    def _nodes(self, region: Region, block: Block) -> None:
        for node in region.nodes:
            if node.key in self.plan.needed:
                self._node(node, block)

    def _operand(self, value: Value) -> SSAValue:
        if value.array is not None and value.key not in self.plan.made:
            if value.key not in self.constants:
                self.constants[value.key] = self._constant(value.array, value)
            return self.constants[value.key]
        return self.values[value.key]

    def _constant(self, array: np.ndarray, value: Value | None) -> SSAValue:
        """A constant at the start of the function, where every region sees it."""
        plain = tensor_type(element_type(array.dtype), array.shape) if value is None else None
        kind = plain if value is None else self.type(value)
        name = value.name if value is not None else ""
        op = dialect.operation("Constant").make(
            [], [kind], {"value": WeightAttr(name, array)}, version=_CONSTANT_VERSION
        )
        op.results[0].name_hint = _hint(name)
        assert self.entry is not None
        if self.last_constant is not None:
            self.entry.insert_op_after(op, self.last_constant)
        elif self.entry.first_op is not None:
            self.entry.insert_op_before(op, self.entry.first_op)
        else:
            self.entry.add_op(op)
        self.last_constant = op
        return op.results[0]

    def _node(self, node: Node, block: Block) -> None:
        operands: list[SSAValue | None] = []
        for index, value in enumerate(node.inputs):
            place = (node.key, index)
            if value is None or (place in self.plan.operands and self.plan.operands[place] is None):
                operands.append(None)
            elif (array := self.plan.operands.get(place)) is not None:
                operands.append(self._constant(array, None))
            else:
                operands.append(self._operand(value))
        try:
            op = self._operation(node, operands)
        except VerifyException as error:
            raise ModelError(f"{node.where}: {error}") from None
        block.add_op(op)
        results = iter(op.results)
        for value in node.outputs:
            if value is not None:
                result = next(results)
                result.name_hint = _hint(value.name)
                self.values[value.key] = result

    def _operation(self, node: Node, operands: list[SSAValue | None]) -> dialect.OnnxOp:
        kind = dialect.operation_for(node.op_type, node.version)
        properties: dict[str, Attribute] = {}
        if node.op_type == "ConstantOfShape":
            value = node.attributes.get("value", np.zeros(1, np.float32))
            properties["value"] = WeightAttr("", value)
        for attribute in node.proto.attribute:
            name = attribute.name
            if name in node.attributes and name not in properties:
                value = node.attributes[name]
                properties[name] = to_attribute(value, attribute.type, node.where)
        regions = [self._region(node.regions[name]) for name in kind.FORM.regions]
        results = [None if v is None else self.type(v) for v in node.outputs]
        op = kind.make(operands, results, properties, version=node.version, regions=regions)
        set_node(op, node.name)
        op.location = NameLoc(StringAttr(node.name), UnknownLoc())
        if node.op_type == "Loop" and node.trips is not None:
            op.attributes["rnncc.trip_count"] = IntegerAttr(node.trips, i64)
            if symbol := self.symbols.get(self.plan.trips.get(node.key, "")):
                op.attributes["rnncc.trip_symbol"] = StringAttr(symbol)
        if node.most is not None:
            op.attributes["rnncc.trip_most"] = IntegerAttr(node.most, i64)
        op.verify_()
        return op

    def _region(self, region: Region) -> IrRegion:
        block = Block(arg_types=[self.type(v) for v in region.arguments])
        for argument, value in zip(block.args, region.arguments, strict=True):
            argument.name_hint = _hint(value.name)
            self.values[value.key] = argument
        self._nodes(region, block)
        block.add_op(dialect.Yield([self._operand(v) for v in region.results]))
        return IrRegion(block)


def _hint(name: str) -> str | None:
    """A name for the printed IR, or None when ONNX's has nothing that can be one."""
    word = re.sub(r"\W", "_", name, flags=re.ASCII).strip("_")
    if not word:
        return None
    # xDSL numbers names that end in a digit its own way.
    word = f"{word}_" if word[-1].isdigit() else word
    return f"v_{word}" if word[0].isdigit() else word


def output_names(proto: onnx.ModelProto) -> list[str]:
    """The names of the graph's outputs."""
    return [v.name for v in proto.graph.output]
