"""NumPy semantics of the nn dialect: one method an operation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from xdsl.interpreter import Interpreter, InterpreterFunctions, impl, register_impls
from xdsl.ir import Operation

from rnncc.dialects import nn
from rnncc.dialects._types import node_name, numpy_dtype, shape_of, type_of
from rnncc.errors import InputError
from rnncc.interpreter import kernels
from rnncc.interpreter.lengths import Lengths

Values = tuple[Any, ...]


def _in_range(op: Operation, indices: np.ndarray, size: int) -> None:
    if indices.size and not (indices.min() >= 0 and indices.max() < size):
        where = node_name(op) or op.name
        raise InputError(f"{where}: an index is outside 0..{size - 1}")


def reverse_sequence(x: np.ndarray, lens: np.ndarray, time: int, batch: int) -> np.ndarray:
    """x with the first ``lens[b]`` elements along `time` of each `batch` index b reversed."""
    steps = np.arange(x.shape[time])[:, None]
    source = np.where(steps < lens, lens - 1 - steps, steps)
    moved = np.moveaxis(x, (time, batch), (0, 1))
    return np.moveaxis(moved[source, np.arange(moved.shape[1])], (0, 1), (time, batch))


@register_impls
@dataclass
class NNFunctions(InterpreterFunctions):
    """The nn dialect for a run with given lengths; arrays have their actual shapes."""

    lengths: Lengths

    @impl(nn.ConstantOp)
    def constant(self, interpreter: Interpreter, op: nn.ConstantOp, args: Values) -> Values:
        """The attribute's own array."""
        return (op.array,)

    @impl(nn.UnaryOp)
    def unary(self, interpreter: Interpreter, op: nn.UnaryOp, args: Values) -> Values:
        """See kernels.unary."""
        return (kernels.unary(op.kind.data, args[0], *op.parameters()),)

    @impl(nn.BinaryOp)
    def binary(self, interpreter: Interpreter, op: nn.BinaryOp, args: Values) -> Values:
        """See kernels.binary."""
        return (kernels.binary(op.kind.data, *args),)

    @impl(nn.CompareOp)
    def compare(self, interpreter: Interpreter, op: nn.CompareOp, args: Values) -> Values:
        """See kernels.compare."""
        return (kernels.compare(op.kind.data, *args),)

    @impl(nn.SelectOp)
    def select(self, interpreter: Interpreter, op: nn.SelectOp, args: Values) -> Values:
        """``c ? a : b``."""
        return (np.where(*args),)

    @impl(nn.CastOp)
    def cast(self, interpreter: Interpreter, op: nn.CastOp, args: Values) -> Values:
        """See kernels.convert."""
        return (kernels.convert(args[0], numpy_dtype(type_of(op.result).get_element_type())),)

    @impl(nn.MatmulOp)
    def matmul(self, interpreter: Interpreter, op: nn.MatmulOp, args: Values) -> Values:
        """See kernels.matmul."""
        return (kernels.matmul(*args, transpose_b=op.transpose_b is not None),)

    @impl(nn.ReduceOp)
    def reduce(self, interpreter: Interpreter, op: nn.ReduceOp, args: Values) -> Values:
        """See kernels.reduce."""
        axes, keep = op.axes.get_values(), op.keepdims is not None
        return (kernels.reduce(op.kind.data, args[0], axes, keep),)

    @impl(nn.ArgReduceOp)
    def arg_reduce(self, interpreter: Interpreter, op: nn.ArgReduceOp, args: Values) -> Values:
        """See kernels.argreduce."""
        last, keep = op.select_last is not None, op.keepdims is not None
        return (kernels.argreduce(op.kind.data, args[0], op.axis.value.data, last, keep),)

    @impl(nn.SoftmaxOp)
    def softmax(self, interpreter: Interpreter, op: nn.SoftmaxOp, args: Values) -> Values:
        """See kernels.softmax."""
        return (kernels.softmax(args[0], op.axis.value.data, op.log is not None),)

    @impl(nn.ReshapeOp)
    def reshape(self, interpreter: Interpreter, op: nn.ReshapeOp, args: Values) -> Values:
        """The elements in C order under the result's actual shape."""
        return (args[0].reshape(self.lengths.shape(op.result)),)

    @impl(nn.TransposeOp)
    def transpose(self, interpreter: Interpreter, op: nn.TransposeOp, args: Values) -> Values:
        """A transposed view."""
        return (args[0].transpose(op.perm.get_values()),)

    @impl(nn.SliceOp)
    def slice(self, interpreter: Interpreter, op: nn.SliceOp, args: Values) -> Values:
        """A view; a dimension whose actual size differs is taken whole, perhaps reversed."""
        (x,) = args
        index = []
        largest = shape_of(op.x)
        for axis, (start, size, step) in enumerate(
            zip(*(p.get_values() for p in (op.starts, op.sizes, op.steps)), strict=True)
        ):
            if size == largest[axis] and step == -1:
                index.append(slice(None, None, -1))
            elif size == largest[axis] and step == 1:
                index.append(slice(None))
            else:
                stop = start + size * step
                index.append(slice(start, None if stop < 0 else stop, step))
        return (x[tuple(index)],)

    @impl(nn.DynamicSliceOp)
    def dynamic_slice(
        self, interpreter: Interpreter, op: nn.DynamicSliceOp, args: Values
    ) -> Values:
        """A view; InputError when it would leave x."""
        x, start = args
        axis, size = op.axis.value.data, op.size.value.data
        _in_range(op, start, x.shape[axis] - size + 1)
        index = [slice(None)] * x.ndim
        index[axis] = slice(int(start), int(start) + size)
        return (x[tuple(index)],)

    @impl(nn.DynamicUpdateOp)
    def dynamic_update(
        self, interpreter: Interpreter, op: nn.DynamicUpdateOp, args: Values
    ) -> Values:
        """A changed copy; InputError when the part would leave x."""
        x, part, start = args
        axis = op.axis.value.data
        size = part.shape[axis]
        _in_range(op, start, x.shape[axis] - size + 1)
        index = [slice(None)] * x.ndim
        index[axis] = slice(int(start), int(start) + size)
        changed = x.copy()
        changed[tuple(index)] = part
        return (changed,)

    @impl(nn.GatherOp)
    def gather(self, interpreter: Interpreter, op: nn.GatherOp, args: Values) -> Values:
        """InputError when an index is out of range."""
        data, indices = args
        axis = op.axis.value.data
        _in_range(op, indices, data.shape[axis])
        return (np.take(data, indices, axis),)

    @impl(nn.ConcatOp)
    def concat(self, interpreter: Interpreter, op: nn.ConcatOp, args: Values) -> Values:
        """The parts one after the other."""
        return (np.concatenate(args, op.axis.value.data),)

    @impl(nn.PadOp)
    def pad(self, interpreter: Interpreter, op: nn.PadOp, args: Values) -> Values:
        """x inside an array full of the value."""
        (x,) = args
        low, high = op.low.get_values(), op.high.get_values()
        shape = [n + a + b for n, a, b in zip(x.shape, low, high, strict=True)]
        value = op.value.value.data
        padded = np.full(shape, value if x.dtype.kind not in "iu" else int(value), x.dtype)
        padded[tuple(slice(a, a + n) for n, a in zip(x.shape, low, strict=True))] = x
        return (padded,)

    @impl(nn.BroadcastOp)
    def broadcast(self, interpreter: Interpreter, op: nn.BroadcastOp, args: Values) -> Values:
        """A view with zero strides."""
        return (np.broadcast_to(args[0], self.lengths.shape(op.result)),)

    @impl(nn.IotaOp)
    def iota(self, interpreter: Interpreter, op: nn.IotaOp, args: Values) -> Values:
        """The index along the axis."""
        shape = self.lengths.shape(op.result)
        axis = op.axis.value.data
        dtype = numpy_dtype(type_of(op.result).get_element_type())
        line = np.arange(shape[axis]).astype(dtype)
        return (np.broadcast_to(line.reshape(-1, *[1] * (len(shape) - axis - 1)), shape),)

    @impl(nn.ReverseSequenceOp)
    def reverse(self, interpreter: Interpreter, op: nn.ReverseSequenceOp, args: Values) -> Values:
        """See reverse_sequence; InputError when a length exceeds the actual time."""
        x, lens = args
        time, batch = op.time_axis.value.data, op.batch_axis.value.data
        _in_range(op, lens, x.shape[time] + 1)
        return (reverse_sequence(x, lens, time, batch),)
