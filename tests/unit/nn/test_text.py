"""The text forms of the nn dialect are read back as the same operations."""

from io import StringIO

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import Builtin, FloatAttr, ModuleOp, StringAttr, f32, i64
from xdsl.ir import Operation
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import ParseError, VerifyException

from rnncc.dialects import nn
from rnncc.dialects._types import tensor_type


def _parse(text: str) -> ModuleOp:
    context = Context()
    context.load_dialect(Builtin)
    context.load_dialect(nn.NN)
    return Parser(context, text).parse_module()


def _everything() -> ModuleOp:
    ops: list[Operation] = []

    def add(op):
        ops.append(op)
        return op.result

    x = add(nn.ConstantOp(np.ones((25, 1, 256), np.float32), "x"))
    w = add(nn.ConstantOp(np.ones((64, 256), np.float32), "W"))
    m = add(nn.MatmulOp(x, w, transpose_b=True))
    u = add(nn.UnaryOp("leaky_relu", m, 0.01))
    u.owner.attributes["onnx.node"] = StringAttr("some/node")
    add(nn.UnaryOp("affine", m, 1e-5, float("-inf")))
    add(nn.UnaryOp("affine", m, float("nan"), -1e300))
    b = add(nn.BinaryOp("add", u, u))
    c = add(nn.CompareOp("lt", b, u))
    s = add(nn.SelectOp(c, b, u))
    add(nn.CastOp(s, i64))
    add(nn.ReduceOp("sum", s, [0, 2], keepdims=True))
    i = add(nn.ArgReduceOp("argmax", s, 2, select_last=True))
    add(nn.SoftmaxOp(s, 2, log=True))
    add(nn.ReshapeOp(s, tensor_type(f32, (25, 64))))
    add(nn.TransposeOp(s, [2, 0, 1]))
    add(nn.SliceOp(s, [3, 0, 63], [1, 1, 64], [1, 1, -1]))
    start = add(nn.ConstantOp(np.int64(3)))
    d = add(nn.DynamicSliceOp(s, start, 0, 2))
    add(nn.DynamicUpdateOp(s, d, start, 0))
    add(nn.GatherOp(s, i, 0))
    add(nn.ConcatOp([s, s], 1))
    add(nn.PadOp(s, [0, 1, 0], [0, 0, 2], -1.5))
    kernel = add(nn.ConstantOp(np.ones((3, 1, 5), np.float32)))
    add(nn.ConvOp(s, kernel, [2], [1], [1], [2]))
    add(nn.PoolOp("average", s, [3], [2], ceil=True, include_pad=True))
    add(nn.BroadcastOp(s, tensor_type(f32, (25, 7, 64))))
    add(nn.IotaOp(tensor_type(i64, (25, 3), ("T", "")), 0))
    lens = add(nn.ConstantOp(np.ones(1, np.int32)))
    add(nn.ReverseSequenceOp(s, lens))
    return ModuleOp(ops)


def test_custom_text_round_trips():
    module = _everything()
    module.verify()
    again = _parse(str(module))
    again.verify()
    assert str(again) == str(module)
    assert again.is_structurally_equivalent(module)


def test_generic_text_round_trips():
    module = _everything()
    text = StringIO()
    Printer(text, print_generic_format=True).print_op(module)
    assert _parse(text.getvalue()).is_structurally_equivalent(module)


def test_every_operation_is_covered():
    present = {type(op) for op in _everything().ops}
    assert present == set(nn.NN.operations)


def test_floats_survive_exactly():
    for value in (0.1, 1e-310, -0.0, 1e22, 123456789.0, float(np.float32(0.01))):
        x = nn.ConstantOp(np.zeros(1, np.float32))
        module = ModuleOp([x, nn.UnaryOp("affine", x.result, value)])
        again = _parse(str(module))
        alpha = list(again.ops)[1].properties["alpha"]
        assert isinstance(alpha, FloatAttr)
        assert repr(alpha.value.data) == repr(value)


def test_unknown_digest_is_an_error():
    with pytest.raises(ParseError, match="is not in this process"):
        _parse('%0 = nn.constant #nn.weight<"W", tensor<80xf32>, "b2:00">')


def test_wrong_byte_count_is_an_error():
    with pytest.raises(ParseError, match="do not fit"):
        _parse('%0 = nn.constant #nn.weight<"W", tensor<2xf32>, "0x00">')


def test_wrong_result_type_does_not_verify():
    text = """
    %0 = nn.constant dense<1.0> : tensor<2x3xf32>
    %1 = nn.transpose %0 perm [1, 0] : tensor<2x3xf32> -> tensor<2x3xf32>
    """
    with pytest.raises(VerifyException, match="the result is"):
        _parse(text).verify()
