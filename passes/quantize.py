"""quantize: products in a machine's number format.

Needs: decompose-cells before it (the products of named cells are inside them); constants as weights. Ensures: the
constant weights of every product and convolution are values that the weights' format can hold, a scale a row or an
exponent a block of integers and block floating point. With calibration inputs, or where the format needs no scale
(bf16, fp16), what such weights are multiplied with is rounded as well, by operations in front of the product: that is
what a machine with that format does on the way into its array, here in the model's own type. Approximate, by the
format; fp32 changes nothing.

- Weights: symmetric, one scale a row (an output), by its largest magnitude; block floating point in blocks of the
  machine's native columns along the row.
- Activations of int8 and int16: one scale a product, by the largest magnitude that its operand takes on the calibration
  inputs (min-max); what is beyond it later saturates. Without inputs they stay as they are, and the pass says so. Block
  floating point of activations needs a shared exponent that no operation computes: ``--numerics machine`` has it.
  The operations are the model's: they take cycles, which an array of that format would not need.
- The report gives the largest relative error of a weight row, and of the outputs on the calibration inputs.

Source: Jacob et al., CVPR 2018 (symmetric weights, min-max ranges); Fowers et al., ISCA 2018 (block floating point).

Raises PassError: an onnx operation or a named cell is left, or the machine's operations are reached; an unknown
format; calibration inputs that cannot be read, do not fit the model or are not finite.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, bf16, f16
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from rnncc.dialects import nn
from rnncc.dialects._types import type_of
from rnncc.dialects.rnn import CellOp
from rnncc.errors import PassError, nearest
from rnncc.machine import load_machine
from rnncc.machine.formats import FORMATS
from rnncc.machine.rounding import INTEGER_BITS, MANTISSA, rounder, to_integers
from rnncc.passes._approximate import note_approximation
from rnncc.passes._calibration_runs import CalibrationRuns, Reach, largest_error
from rnncc.passes._emit import Emitter, constant_of, weight_name
from rnncc.passes._remarks import remark

NARROW = {"bf16": bf16, "fp16": f16}
"""Formats that are element types as well."""
KNOWN = ("machine", "fp32", *NARROW, *INTEGER_BITS, *MANTISSA)


@dataclass(frozen=True)
class QuantizePass(ModulePass):
    """Put weights, and what they are multiplied with, into a number format."""

    name = "quantize"

    format: str = "machine"
    """``machine``, or the format of the weights; ``int8xint16``: of weights and of activations."""
    calibration: str = ""
    """``.npz`` files of inputs by name, separated by commas, from which the ranges of integer activations are taken;
    those of ``rnncc compile --calibration`` where it is left out."""
    target: str = "edge"
    """Machine: a built-in name or the path of a machine file; its formats and its native columns."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Quantise every function of the module."""
        weights, activations = self._formats()
        for inner in op.walk():
            if isinstance(inner, CellOp) or inner.name.startswith(("onnx.", "npu.")):
                # Its products would keep the model's type, and nothing would say so.
                raise PassError(
                    f"quantize: {inner.name} is in the function, whose products it does not see",
                    "run it after decompose-cells and before lower-to-npu",
                )
        runs = CalibrationRuns.read(self.calibration) if self.calibration else None
        before = runs.outputs(op) if runs is not None else []
        reach = Reach()
        if runs is not None and activations in INTEGER_BITS:
            runs.outputs(op, reach)
        block = load_machine(self.target).matrix.columns
        for function in [f for f in op.body.block.ops if isinstance(f, func.FuncOp)]:
            work = _Quantizer(weights, activations, block, reach.largest)
            for inner in list(function.walk()):
                if isinstance(inner, nn.MatmulOp | nn.ConvOp):
                    work.product(inner)
            self._report(function, work, weights, activations)
        if runs is not None:
            function = next(f for f in op.body.block.ops if isinstance(f, func.FuncOp))
            error = largest_error(before, runs.outputs(op))
            text = f"outputs on the calibration inputs: relative error {error:.2g}"
            remark(function, self.name, text)

    def _formats(self) -> tuple[str, str]:
        machine = load_machine(self.target).formats
        if self.format == "machine":
            weights, activations = machine.weights, machine.activations
        else:
            weights, _, activations = self.format.partition("x")
            activations = activations or weights
        for name in (weights, activations):
            if name not in KNOWN and name not in FORMATS:
                raise PassError(
                    f"quantize has no format '{name}' (formats: {', '.join(KNOWN)})",
                    nearest(name, KNOWN),
                )
        if weights not in KNOWN:
            raise PassError(f"quantize: weights in {weights} are not simulated in float32")
        if weights in INTEGER_BITS and activations not in INTEGER_BITS:
            raise PassError(f"quantize: no product of {weights} and {activations}")
        # Floating-point vectors take the weights' format on their way into the array.
        return weights, activations if weights in INTEGER_BITS else weights

    def _report(
        self, function: func.FuncOp, work: _Quantizer, weights: str, activations: str
    ) -> None:
        if work.others:
            text = f"{work.others} products keep their weights, which are not float32"
            remark(function, self.name, text)
        if not work.products or weights == "fp32":
            why = (
                "fp32 is what is computed"
                if weights == "fp32"
                else "no product has constant weights in float32"
            )
            remark(function, self.name, f"nothing is changed: {why}")
            return
        have = "product has" if work.products == 1 else "products have"
        text = f"{work.products} {have} weights in {weights}, relative error of a row up to {work.error:.2g}"
        remark(function, self.name, text)
        if work.rounded:
            are = "operand is" if work.rounded == 1 else "operands are"
            text = f"{work.rounded} {are} rounded to {activations}, by operations that take cycles here and none in "
            remark(function, self.name, f"{text}an array of that format (--numerics machine)")
        elif activations in INTEGER_BITS:
            text = "operands stay as they are: integers need calibration inputs for their range"
            remark(function, self.name, text)
        else:
            remark(
                function,
                self.name,
                f"operands stay as they are: numerics machine rounds to {activations}",
            )
        note_approximation(function, f"{self.name}{{format={self.format}}}")


@dataclass
class _Quantizer:
    """Rounds the operands of products.

    Attributes:
        weights, activations: formats.
        block: elements of a block.
        reach: largest magnitude of both operands, by product.
        products, rounded: how many had constant weights, and how many other operands were rounded.
        others: how many had constant weights that are not float32, and keep them.
        error: largest relative error of a row of weights.
    """

    weights: str
    activations: str
    block: int
    reach: dict[Operation, list[float]]
    products: int = 0
    rounded: int = 0
    others: int = 0
    error: float = 0.0

    def product(self, op: nn.MatmulOp | nn.ConvOp) -> None:
        """Round the constant operand of a product, and the other one where that can be said."""
        places = (1,) if isinstance(op, nn.ConvOp) else (1, 0)
        place = next((p for p in places if constant_of(op.operands[p]) is not None), None)
        if place is None or self.weights == "fp32":
            return
        array = constant_of(op.operands[place])
        if array is None or array.ndim < 2:
            return
        if array.dtype != np.float32:
            self.others += 1
            return
        rows_last = isinstance(op, nn.MatmulOp) and place == 1 and not op.transpose_b
        emit = Emitter(op)
        name = weight_name(op.operands[place])
        if isinstance(op, nn.ConvOp):
            # Channels last, as the products of a convolution take them.
            turned = np.moveaxis(array, 1, -1)
            rounded = np.moveaxis(
                self._weights(turned.reshape(len(array), -1)).reshape(turned.shape), -1, 1
            )
        elif rows_last:
            rounded = np.swapaxes(self._weights(np.swapaxes(array, -1, -2)), -1, -2)
        else:
            rounded = self._weights(array)
        op.operands[place] = emit.constant(np.ascontiguousarray(rounded), name)
        self.products += 1
        other = self._operand(
            emit, op.operands[1 - place], self.reach.get(op, [0.0, 0.0])[1 - place]
        )
        if other is not None:
            op.operands[1 - place] = other
            self.rounded += 1

    def _weights(self, array: np.ndarray) -> np.ndarray:
        """Rows [.., n, k] in the format, as float32."""
        rows = np.ascontiguousarray(array).reshape(-1, array.shape[-1])
        if self.weights in INTEGER_BITS:
            scaled = to_integers(rows, INTEGER_BITS[self.weights])
            found = (scaled.values * scaled.scale[:, None]).astype(np.float32)
        else:
            convert = rounder(self.weights, self.block)
            assert convert is not None
            found = convert(rows)
        size = np.abs(rows).max(axis=-1, initial=0)
        wrong = np.abs(found - rows).max(axis=-1, initial=0)
        part = np.divide(wrong, size, out=np.zeros_like(size), where=size > 0)
        self.error = max(self.error, float(part.max(initial=0)))
        return found.reshape(array.shape)

    def _operand(self, emit: Emitter, value: SSAValue, reach: float) -> SSAValue | None:
        """An operand rounded to the activations' format; None where that cannot be said."""
        element = type_of(value).element_type
        if constant_of(value) is not None:
            return None
        if self.activations in NARROW:
            narrow = emit(nn.CastOp(value, NARROW[self.activations]))
            return emit(nn.CastOp(narrow, element))
        if self.activations not in INTEGER_BITS or not reach:
            return None
        most = 2 ** (INTEGER_BITS[self.activations] - 1) - 1
        scale = np.float32(reach / most)
        number = lambda v: emit.scalar(float(v), element)  # noqa: E731
        scaled = emit.binary("div", value, number(scale))
        whole = emit(nn.UnaryOp("round", scaled))
        bounded = emit.binary("min", emit.binary("max", whole, number(-most)), number(most))
        return emit.binary("mul", bounded, number(scale))
