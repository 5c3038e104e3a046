"""The onnx dialect: every ONNX operator of the default domain, as `onnx.defs` describes it.

There is no list of operators here: ``onnx.LSTM``, ``onnx.Gemm`` and all others are classes made
from the schemas of the installed onnx package when they are first asked for. Operands, results
and attributes have ONNX's names (``op.X``, ``op.initial_h``, ``op.hidden_size``); an absent
optional one is None. Graph attributes (If, Loop, Scan) are regions ended by ``onnx.Yield``; they use values from
outside directly. ``op.version`` is the since-version whose meaning the operation has: one class
holds all versions that have the same form, whatever their meaning. A version of another form has a
class of its own (``onnx.Squeeze_1`` has its axes as an attribute); the importer rewrites those that
rnncc supports to the newest form, so that they are seldom met.

Source: the ONNX operator schemas, https://onnx.ai/onnx/operators/.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from xdsl.ir import Dialect, Operation, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    AttrSizedResultSegments,
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    opt_result_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.traits import IsTerminator, Pure, RecursiveMemoryEffect

from rnncc.dialects._onnx_base import VERSION, OnnxOp, is_onnx
from rnncc.dialects._onnx_canonical import CANONICAL, Canonical
from rnncc.dialects._onnx_schema import Form, form_name, form_of, operator_names, versions_of

__all__ = ["ONNX", "OnnxOp", "Yield", "is_onnx", "known", "operation", "operation_for"]


@irdl_op_definition
class Yield(IRDLOperation):
    """Ends a region of onnx.If, onnx.Loop or onnx.Scan: the outputs of the sub-graph."""

    name = "onnx.Yield"

    values = var_operand_def()

    traits = traits_def(IsTerminator(), Pure())

    assembly_format = "($values^ `:` type($values))? attr-dict"

    def __init__(self, values: Sequence[SSAValue | Operation]):
        super().__init__(operands=[values])


def known(op_type: str) -> bool:
    """Whether any opset of the installed onnx package has this operator."""
    try:
        return bool(versions_of(op_type))
    except KeyError:
        return False


@cache
def operation(name: str) -> type[OnnxOp]:
    """The class for an operator (``"LSTM"``) or for an older form of one (``"Squeeze_1"``).

    Raises:
        KeyError: there is no such operator.
    """
    form = form_of(name)
    bases = (Canonical, OnnxOp) if form.op_type in CANONICAL else (OnnxOp,)
    made = irdl_op_definition(type(name, bases, _namespace(name, form)))
    made.FORM = form
    return made


def operation_for(op_type: str, version: int) -> type[OnnxOp]:
    """The class that holds a since-version of an operator; raises KeyError for an unknown one."""
    return operation(form_name(op_type, version))


def _namespace(name: str, form: Form) -> dict[str, Any]:
    from rnncc.dialects._onnx_attributes import CONSTRAINTS

    schema = form.versions[form.newest]
    space: dict[str, Any] = {
        "__module__": __name__,
        "__doc__": schema.doc,
        "name": f"onnx.{name}",
        VERSION: prop_def(),
    }
    for formal in form.inputs:
        make = operand_def if formal.single else opt_operand_def
        space[formal.field] = (var_operand_def if formal.variadic else make)()
    for formal in form.outputs:
        make = result_def if formal.single else opt_result_def
        space[formal.field] = (var_result_def if formal.variadic else make)()
    for attribute in form.attributes:
        constraint = CONSTRAINTS.get(schema.attributes[attribute].type)
        space[attribute] = opt_prop_def(constraint) if constraint else opt_prop_def()
    for region in form.regions:
        space[region] = region_def("single_block")
    options = []
    if form.operand_segments:
        options.append(AttrSizedOperandSegments(as_property=True))
    if form.result_segments:
        options.append(AttrSizedResultSegments(as_property=True))
    space["irdl_options"] = tuple(options)
    if form.regions:
        space["traits"] = traits_def(RecursiveMemoryEffect())
    elif not getattr(schema, "non_deterministic", False):
        space["traits"] = traits_def(Pure())
    return space


class _OnnxDialect(Dialect):
    """Makes its operations only when a text is parsed that needs them."""

    @property
    def operations(self):
        """Every operator, every older form of one, and the terminator."""
        names = {form_name(n, s.since_version) for n in operator_names() for s in versions_of(n)}
        return iter([Yield, *(operation(name) for name in sorted(names))])


ONNX = _OnnxDialect("onnx", [], [])


def __getattr__(name: str) -> type[OnnxOp]:
    """``onnx.LSTM`` and the like; raises AttributeError for what is not an operator."""
    if name.startswith("_"):
        raise AttributeError(name)
    try:
        return operation(name)
    except KeyError:
        raise AttributeError(f"the onnx dialect has no operator {name!r}") from None
