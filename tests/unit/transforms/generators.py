"""Small generators for the tests of speculation: step models in an rnn.while."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp, f32, i64

from rnncc.dialects import nn, rnn
from tests.unit.lower.build import Graph

VOCABULARY = 7
WIDTH = 4


@dataclass(frozen=True)
class Generator:
    """A recurrent step model of `layers` layers over 7 words.

    Attributes:
        most: the most words.
        stop: the word that ends the text, or None.
        given: whether the number of words is limited by an input, too.
        shape: the shape of the word.
        noise: how strongly a state of pseudo-random numbers disturbs the logits: 0 is greedy.
        seed: of the weights.
        logits: whether the logits of every word are an output.
    """

    layers: int = 1
    most: int = 9
    stop: int | None = None
    given: bool = False
    shape: tuple[int, ...] = (1, 1)
    noise: float = 0.0
    seed: int = 0
    logits: bool = False

    def module(self) -> ModuleOp:
        """Inputs: the first word, a state for each layer, perhaps the limit; outputs: the words,
        their number, the last states, perhaps the logits."""
        rng = np.random.default_rng(self.seed)
        g = Graph()

        def weight(*shape: int) -> Any:
            return g.const(rng.standard_normal(shape) * 1.5)

        word = g.input(self.shape, np.int64)
        states = [g.input((1, WIDTH)) for _ in range(self.layers)]
        limit = g.input((), np.int64) if self.given else None
        table, out, bias = weight(VOCABULARY, WIDTH), weight(WIDTH, VOCABULARY), weight(VOCABULARY)
        pairs = [(weight(WIDTH, WIDTH), weight(WIDTH, WIDTH)) for _ in states]
        random = [g.const([[0.25]])] if self.noise else []

        def again(t: Any, word: Any, *_: Any) -> Any:
            if self.stop is None:
                return g.const(True, np.bool_)
            one = g.add(nn.ReshapeOp(word, rnn.INDEX))
            return g.add(nn.CompareOp("ne", one, g.const(self.stop, np.int64)))

        def step(t: Any, word: Any, *old: Any) -> list[Any]:
            flat = g.add(nn.ReshapeOp(word, one_word)) if self.shape != (1,) else word
            value = g.add(nn.GatherOp(table, flat, 0))
            new = []
            for (w, r), state in zip(pairs, old, strict=False):
                own = g.add(nn.MatmulOp(state, r))
                value = g.add(
                    nn.UnaryOp("tanh", g.add(nn.BinaryOp("add", g.add(nn.MatmulOp(value, w)), own)))
                )
                new.append(value)
            logits = g.add(nn.BinaryOp("add", g.add(nn.MatmulOp(value, out)), bias))
            if random:
                # The logistic map, spread over the words by their numbers.
                drawn = g.add(nn.BinaryOp("mul", old[-1], g.const(3.9)))
                rest = g.add(nn.BinaryOp("sub", g.const(1.0), old[-1]))
                drawn = g.add(nn.BinaryOp("mul", drawn, rest))
                new.append(drawn)
                spread = g.const(np.arange(1, VOCABULARY + 1)[None] * 37.0)
                wave = g.add(nn.UnaryOp("sin", g.add(nn.BinaryOp("mul", drawn, spread))))
                wave = g.add(nn.BinaryOp("mul", wave, g.const(self.noise)))
                logits = g.add(nn.BinaryOp("add", logits, wave))
            best = g.add(nn.ArgReduceOp("argmax", logits, 1))
            chosen = g.add(nn.ReshapeOp(best, word.type)) if self.shape != (1,) else best
            return [chosen, *new, chosen, *([logits] if self.logits else [])]

        one_word = nn.ArgReduceOp("argmax", g.const(np.zeros((1, 2))), 1).result.type
        loop = g.while_loop([word, *states, *random], again, step, self.most, limit)
        return g.module(loop.outputs[0], loop.done, *loop.states, *loop.outputs[1:])


__all__ = ["VOCABULARY", "Generator", "f32", "i64"]
