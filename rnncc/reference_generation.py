"""What a generator's outputs should be: the step model run by ONNX Runtime, tokens chosen in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rnncc.errors import InputError
from rnncc.generation import Generate, Generator
from rnncc.reference import Reference

Step = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]


def reference_generation(
    path: str, generate: Generate, generator: Generator, inputs: Mapping[str, Any]
) -> Reference:
    """The outputs of a generator for complete inputs (``Generator.complete``).

    Args:
        path: the ``.onnx`` file of the step model, or of a model that is one at a single step.
        generate: what is fed back and how tokens are chosen.
        generator: of the program.
        inputs: the program's.

    Raises:
        InputError: ONNX Runtime is not installed.
    """
    try:
        import onnxruntime
    except ImportError:
        raise InputError(
            "--check of a generator needs ONNX Runtime", "pip install onnxruntime"
        ) from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    shapes = {
        port.name: [n if isinstance(n, int) else 1 for n in port.shape]
        for port in session.get_inputs()
    }

    def step(feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        fit = {name: value.reshape(shapes[name]) for name, value in feeds.items()}
        made = session.run(names, fit)
        return {name: np.asarray(value) for name, value in zip(names, made, strict=True)}

    return Reference("ONNX Runtime", generate_with(step, generate, generator, inputs))


def generate_with(
    step: Step, generate: Generate, generator: Generator, inputs: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    """The generator's outputs from its step: the prompt token by token, then tokens fed back.

    Args:
        step: inputs by name to outputs by name; tokens come as arrays of one element.
    """
    pairs = [_split(text, inputs) for text in generate.pairs]
    (logits, _), *states = pairs
    skip = {generator.prompt, generator.limit, generator.uniform}
    feeds = {name: np.asarray(value) for name, value in inputs.items() if name not in skip}
    prompt = np.asarray(inputs[generator.prompt])
    tokens = np.zeros(generator.longest, prompt.dtype)
    count, queue = 0, list(prompt)
    while True:
        made = step({**feeds, generator.prompt: np.asarray(queue.pop(0), prompt.dtype)})
        feeds |= {before: made[after] for after, before in states}
        if queue:
            continue
        u = float(np.asarray(inputs[generator.uniform])[count]) if generator.uniform else 0.0
        token = choose(made[logits].reshape(-1), generate, u)
        tokens[count] = token
        count += 1
        if token == generate.stop or count == int(np.asarray(inputs[generator.limit])):
            break
        queue.append(tokens[count - 1])
    outputs = {"tokens": tokens, "count": np.asarray(count, np.int64)}
    return outputs | {after: feeds[before] for after, before in states}


def choose(logits: np.ndarray, generate: Generate, u: float) -> int:
    """The token that scores choose, by the plain definition in double precision.

    Args:
        logits: [words].
        u: in [0, 1), for sampling.
    """
    if generate.temperature is None and generate.top_k is None:
        return int(np.argmax(logits))
    order = np.arange(logits.size)
    if generate.top_k is not None:
        order = np.argsort(-logits, kind="stable")[: generate.top_k]
    x = logits[order].astype(np.float64) / (generate.temperature or 1.0)
    sums = np.cumsum(np.exp(x - x.max()))
    place = np.searchsorted(sums, u * sums[-1], side="right")
    return int(order[min(place, order.size - 1)])


def _split(text: str, inputs: Mapping[str, Any]) -> tuple[str, str]:
    """``OUTPUT:INPUT`` where the input is one of the program's."""
    for name in sorted(inputs, key=len, reverse=True):
        if text.endswith(f":{name}"):
            return text.removesuffix(f":{name}"), name
    raise InputError(f"'{text}' is not OUTPUT:INPUT")
