"""Convolution and pooling against ONNX Runtime over random shapes and attributes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, RuntimeException
from xdsl.dialects.builtin import f32

from rnncc.dialects import nn
from rnncc.dialects._types import symbols_of, tensor_type
from rnncc.errors import DynamicTimeError, ShapeError, UnsupportedError

from . import onnx_modules as modules
from .test_conversion import agree, converted, floats

QUICK = settings(max_examples=25, deadline=None)


@st.composite
def slidings(draw: Any, rank: int) -> dict[str, Any]:
    """Sizes of the input and the attributes of a window over it."""

    def some(low: int, high: int) -> list[int]:
        return draw(st.lists(st.integers(low, high), min_size=rank, max_size=rank))

    kernel, strides, dilations = some(1, 3), some(1, 3), some(1, 2)
    sizes = [max(1, (k - 1) * d + extra) for k, d, extra in
             zip(kernel, dilations, some(1, 5), strict=True)]  # fmt: skip
    result = {"sizes": sizes, "kernel": kernel, "strides": strides, "dilations": dilations}
    mode = draw(st.sampled_from(["NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]))
    if mode == "NOTSET":
        pads = [draw(st.integers(0, k - 1)) for k in (*kernel, *kernel)]
        result["pads"] = pads
    else:
        result["auto_pad"] = mode
        if mode != "VALID":
            # ONNX Runtime has its own idea of SAME with dilations, and with gaps between windows.
            result["dilations"] = [1] * rank
            result["strides"] = [min(s, k) for s, k in zip(strides, kernel, strict=True)]
    return result


@given(st.data())
@QUICK
def test_conv_agrees_with_onnx_runtime(data):
    window = data.draw(slidings(data.draw(st.integers(1, 3))))
    groups = data.draw(st.sampled_from([1, 1, 2, 3]))
    inner, outer = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 2))
    sizes, kernel = window.pop("sizes"), window.pop("kernel")
    x = floats(data.draw(st.integers(1, 2)), groups * inner, *sizes)
    inputs = [x, floats(groups * outer, inner, *kernel)]
    if data.draw(st.booleans()):
        inputs.append(floats(groups * outer))
    agree("Conv", inputs, opset=20, group=groups, **window)


@given(st.data())
@QUICK
def test_pooling_agrees_with_onnx_runtime(data):
    window = data.draw(slidings(data.draw(st.integers(1, 3))))
    kind = data.draw(st.sampled_from(["MaxPool", "AveragePool"]))
    x = floats(data.draw(st.integers(1, 2)), 2, *window.pop("sizes"))
    window["kernel_shape"] = window.pop("kernel")
    if "auto_pad" not in window:
        window["ceil_mode"] = data.draw(st.integers(0, 1))
    if kind == "AveragePool":
        window["count_include_pad"] = data.draw(st.integers(0, 1))
    try:
        agree(kind, [x], opset=20, **window)
    except (Fail, InvalidArgument, RuntimeException):
        assume(False)


def test_integers_and_short_floats():
    x = np.arange(32, dtype=np.int8).reshape(1, 2, 4, 4)
    agree("MaxPool", [x], kernel_shape=[2, 2], pads=[1, 1, 0, 0])
    agree("MaxPool", [x.view(np.uint8)], kernel_shape=[3, 3], ceil_mode=1, strides=[2, 2])
    unsigned = x.view(np.uint8)
    agree(
        "ConvInteger",
        [unsigned, unsigned[:, :, :2, :2], np.array(3, np.uint8), np.array(2, np.uint8)],
        pads=[1] * 4,
    )
    agree("GlobalMaxPool", [floats(2, 3, 4)])
    agree("GlobalAveragePool", [floats(2, 3, 4, 5)])


def refusal(kind: str, shapes: list, want: tuple, error: type, opset: int = 20, **attributes: Any):
    with pytest.raises(error) as caught:
        converted(kind, [floats(*s) for s in shapes], [], floats(*want), opset, **attributes)
    return str(caught.value)


def test_refusals_name_the_node():
    message = refusal("Conv", [(1, 3, 4, 4), (2, 3, 5, 5)], (1, 2, 1, 1), ShapeError)
    assert message.startswith("Conv 'the_node': conv: a window of 5 elements")
    message = refusal("Conv", [(1, 3, 4), (2, 3, 2)], (1, 2, 2), UnsupportedError, pads=[-1, 0])
    assert "negative padding" in message


def test_a_run_time_length_only_counts_frames():
    free = tensor_type(f32, (6, 3, 4, 4), ("T", "", "", ""))
    _, block, values = modules.function({"x": free}, {"T": 3})
    w = modules.constant(block, floats(2, 3, 3, 3))
    assert symbols_of(nn.ConvOp(values["x"], w).result) == ("T", "", "", "")
    assert symbols_of(nn.PoolOp("max", values["x"], [2, 2]).result) == ("T", "", "", "")
    turned = nn.TransposeOp(values["x"], [1, 0, 2, 3])
    with pytest.raises(DynamicTimeError, match="axis 1"):
        nn.PoolOp("max", turned.result, [2, 2])
