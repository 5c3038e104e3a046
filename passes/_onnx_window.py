"""ONNX convolutions and poolings as nn operations."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import i32
from xdsl.ir import SSAValue

from rnncc.dialects import nn
from rnncc.dialects._types import shape_of
from rnncc.errors import ModelError
from rnncc.passes._onnx_node import Converter, Node, dims_of


def _numbers(n: Node, name: str, rank: int, default: int) -> list[int]:
    """One number a spatial dimension from an attribute."""
    given = n.attrs.get(name)
    values = [default] * rank if given is None or not len(given) else [int(v) for v in given]
    if len(values) != rank:
        raise ModelError(f"{n.title}: '{name}' has {len(values)} numbers, {rank} are needed")
    return values


def _steps(n: Node, kernel: Sequence[int]) -> tuple[list[list[int]], bool]:
    """Strides, dilations and the padding on both sides; whether the last window may reach beyond."""
    rank = len(kernel)
    if len(shape_of(n.need(0))) != rank + 2:
        raise ModelError(f"{n.title}: a kernel of {rank} dimensions on {list(shape_of(n.need(0)))}")
    strides, dilations = _numbers(n, "strides", rank, 1), _numbers(n, "dilations", rank, 1)
    mode, ceil = n.attrs.get("auto_pad") or "NOTSET", bool(n.attrs.get("ceil_mode", 0))
    if mode == "NOTSET":
        pads = n.attrs.get("pads")
        pads = [0] * 2 * rank if pads is None or not len(pads) else [int(v) for v in pads]
        if len(pads) != 2 * rank:
            raise ModelError(f"{n.title}: 'pads' has {len(pads)} numbers, {2 * rank} are needed")
        low, high = pads[:rank], pads[rank:]
        if any(p < 0 for p in pads):
            n.refuse(f"negative padding {pads}")
        return [strides, dilations, low, high], ceil
    if mode == "VALID":
        return [strides, dilations, [0] * rank, [0] * rank], False
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        n.refuse(f"auto_pad '{mode}' is not known")
    low, high = [], []
    for axis, (size, _) in enumerate(dims_of(n.need(0))[2:]):
        count = -(-size // strides[axis])
        reach = (kernel[axis] - 1) * dilations[axis] + 1
        total = max((count - 1) * strides[axis] + reach - size, 0)
        before = total // 2 if mode == "SAME_UPPER" else total - total // 2
        low.append(before)
        high.append(total - before)
    return [strides, dilations, low, high], False


def _convolved(n: Node, x: SSAValue, w: SSAValue) -> SSAValue:
    kernel = list(shape_of(w)[2:])
    given = n.attrs.get("kernel_shape")
    if given is not None and len(given) and list(given) != kernel:
        raise ModelError(f"{n.title}: kernel_shape {list(given)}, the weights have {kernel}")
    steps, _ = _steps(n, kernel)
    return n.emit(nn.ConvOp(x, w, *steps, groups=int(n.attrs["group"])))


def _conv(n: Node) -> SSAValue:
    result, bias = _convolved(n, n.need(0), n.need(1)), n.input(2)
    if bias is None:
        return result
    spatial = [(1, "")] * (len(shape_of(result)) - 2)
    return n.binary("add", result, n.reshape(bias, [*dims_of(bias), *spatial]))


def _conv_integer(n: Node) -> SSAValue:
    """Products of whole numbers less their zero points, in i32; padding is the zero point."""
    operands = []
    for index in (0, 1):
        x, zero = n.cast(n.need(index), i32), n.input(index + 2)
        if zero is not None:
            zero = n.cast(zero, i32)
            if len(shape_of(zero)) == 1:
                ones = [(1, "")] * (len(shape_of(x)) - 1)
                zero = n.reshape(zero, [*dims_of(zero), *ones])
            x = n.binary("sub", x, zero)
        operands.append(x)
    return _convolved(n, operands[0], operands[1])


def _pool(kind: str) -> Converter:
    def convert(n: Node) -> SSAValue:
        if n.wants(1) and n.op.outputs_by_position()[1].first_use is not None:
            n.refuse("its output 'Indices' is not supported")
        kernel = [int(k) for k in n.attrs["kernel_shape"]]
        steps, ceil = _steps(n, kernel)
        include = bool(n.attrs.get("count_include_pad", 0))
        return n.emit(nn.PoolOp(kind, n.need(0), kernel, *steps, ceil=ceil, include_pad=include))

    return convert


TABLE: dict[str, Converter] = {
    "Conv": _conv,
    "ConvInteger": _conv_integer,
    "MaxPool": _pool("max"),
    "AveragePool": _pool("average"),
}
