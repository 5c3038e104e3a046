"""Random inputs that a model can take: integers inside the range that their use asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from xdsl.dialects.builtin import ArrayAttr, IntegerAttr, ModuleOp, StringAttr, TensorType
from xdsl.ir import SSAValue

from rnncc.dialects._batch_signature import batch_of
from rnncc.dialects._generation_signature import GenerationSignature, generation_of
from rnncc.dialects._main import input_names, main_function
from rnncc.dialects._types import numpy_dtype, shape_of
from rnncc.generation import Generator
from rnncc.isa.types import NUMPY_TYPES
from rnncc.sequence_lengths import time_of_lengths, uses_through

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rnncc.program import Program


def random_inputs(
    module: ModuleOp, seed: int = 0, lengths: Mapping[str, int] | None = None
) -> dict[str, np.ndarray]:
    """Inputs for ``@main``: standard normal floats, integers in the range of what they index or count.

    Args:
        module: in any dialect; ranges are recognised for onnx operators (Gather indices, sequence_lens).
        seed: of the generator.
        lengths: symbol -> actual length; the maximum where absent.
    """
    rng = np.random.default_rng(seed)
    function = main_function(module)
    maxima = function.attributes.get("rnncc.symbols")
    inputs = {}
    batch, generation = batch_of(function), generation_of(function)
    for name, argument in zip(input_names(function), function.body.block.args, strict=True):
        inputs[name] = _random(rng, argument, maxima, dict(lengths or {}))
        if batch is not None and argument.index == batch.lengths:
            longest = dict(lengths or {}).get(batch.symbol, batch.maximum)
            # Slots run through many requests each, so that all of them are busy most of the time.
            shortest = 1 if batch.order != "slots" else max(1, 3 * longest // 4)
            inputs[name] = _random_lengths(rng, inputs[name], longest, shortest)
    if generation is not None:
        _random_generation(rng, generation, list(inputs), inputs)
    return inputs


def _random_lengths(
    rng: np.random.Generator, like: np.ndarray, longest: int, shortest: int = 1
) -> np.ndarray:
    """Lengths of rows, longest first, which every order of rows allows."""
    return np.sort(rng.integers(shortest, longest + 1, like.shape))[::-1].astype(like.dtype)


def _random_generation(
    rng: np.random.Generator,
    generation: GenerationSignature,
    names: list[str],
    inputs: dict[str, np.ndarray],
) -> None:
    """Tokens of the vocabulary, as many wanted as the generator can make, and numbers to draw them by."""
    prompt, limit = names[generation.prompt], names[generation.limit]
    tokens = rng.integers(0, generation.vocabulary, inputs[prompt].shape)
    inputs[prompt] = tokens.astype(inputs[prompt].dtype)
    inputs[limit] = np.asarray(generation.longest, np.int64)
    if generation.uniform >= 0:
        uniform = names[generation.uniform]
        inputs[uniform] = rng.random(inputs[uniform].shape, np.float32)


def _random(
    rng: np.random.Generator, value: SSAValue, maxima, lengths: dict[str, int]
) -> np.ndarray:
    kind = value.type
    assert isinstance(kind, TensorType)
    shape = list(kind.get_shape())
    if isinstance(kind.encoding, ArrayAttr):
        for axis, symbol in enumerate(kind.encoding):
            assert isinstance(symbol, StringAttr)
            if symbol.data in lengths:
                maximum = maxima.data[symbol.data]
                assert isinstance(maximum, IntegerAttr)
                shape[axis] = shape[axis] // maximum.value.data * lengths[symbol.data]
    dtype = numpy_dtype(kind.element_type)
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    if dtype.kind in "iu":
        low, high = _integer_range(value, lengths)
        return rng.integers(low, high, shape).astype(dtype)
    return rng.standard_normal(shape).astype(dtype)


def _integer_range(value: SSAValue, lengths: Mapping[str, int]) -> tuple[int, int]:
    """The half-open range that an integer input's uses allow; [0, 2) when nothing is known."""
    found = []
    for op, index in uses_through(value):
        if op.name in ("onnx.Gather", "nn.gather") and index == 1:
            axis = op.properties.get("axis")
            position = axis.value.data if isinstance(axis, IntegerAttr) else 0
            found.append((0, shape_of(op.operands[0])[position]))
        if (time := time_of_lengths(op, index)) is not None:
            maximum, symbol = time
            found.append((1, lengths.get(symbol, maximum) + 1))
    if not found:
        return 0, 2
    return max(low for low, _ in found), min(high for _, high in found)


def random_for_program(
    program: Program, seed: int = 0, lengths: Mapping[str, int] | None = None
) -> dict[str, np.ndarray]:
    """Inputs for a compiled program, which no longer says what its integers index: those are 0 or 1."""
    rng = np.random.default_rng(seed)
    if program.batch is not None and program.batch.order == "slots":
        from rnncc.slot_inputs import random_requests

        return random_requests(program, rng)
    inputs = {}
    for port in program.inputs:
        shape = [
            size
            // program.symbols[symbol].maximum
            * (lengths or {}).get(symbol, program.symbols[symbol].maximum)
            if symbol
            else size
            for size, symbol in zip(port.shape, port.symbols, strict=True)
        ]
        dtype = NUMPY_TYPES[port.dtype]
        values = (
            rng.standard_normal(shape) if dtype.kind not in "iub" else rng.integers(0, 2, shape)
        )
        inputs[port.name] = values.astype(dtype)
        if program.batch is not None and port.name == program.batch.lengths:
            longest = (lengths or {}).get(program.batch.symbol, program.batch.maximum)
            inputs[port.name] = _random_lengths(rng, inputs[port.name], longest)
    if (generator := Generator.of(program)) is not None:
        # Tokens of the vocabulary; as many as it can make, drawn by numbers of the runtime's.
        prompt = inputs[generator.prompt]
        tokens = rng.integers(0, generator.vocabulary, prompt.shape)
        inputs[generator.prompt] = tokens.astype(prompt.dtype)
        for name in (generator.limit, generator.uniform):
            inputs.pop(name, None)
    return inputs
