"""Makes the files here from the held-out text of the language model: sentences, and when they arrive.

Run it from the folder above `samples`: ``python samples/serving/make.py``. The same files come out each time.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
MODEL = HERE.parent / "language_model"
LONGEST = 40
"""Words of the longest sentence that is taken."""
RATE = 40_000.0
"""Sentences a second that arrive, on average."""


def sentences() -> list[np.ndarray]:
    """The sentences of the held-out text with at most `LONGEST` tokens, in order, each with its mark at the end."""
    words = (MODEL / "vocabulary.txt").read_text(encoding="utf-8").splitlines()
    ends = {words.index(mark) for mark in (".", "!", "?")}
    found = []
    for text in np.load(MODEL / "heldout.npz")["tokens"].T:
        places = [-1, *(i for i, token in enumerate(text) if int(token) in ends)]
        found += [text[a + 1 : b + 1] for a, b in pairwise(places)]
    return [s for s in found if 2 <= len(s) <= LONGEST]


def main() -> None:
    """Write ``sentences.npz`` (the first 24) and ``arrivals.csv`` (all)."""
    every = sentences()
    first = every[:24]
    tokens = np.zeros((LONGEST, len(first)), np.int64)
    for place, sentence in enumerate(first):
        tokens[: len(sentence), place] = sentence
    zeros = np.zeros((2, len(first), 128), np.float32)
    lengths = np.array([len(s) for s in first], np.int32)
    np.savez_compressed(HERE / "sentences.npz", tokens=tokens, lengths=lengths, h0=zeros, c0=zeros)
    gaps = np.random.default_rng(0).exponential(1 / RATE, len(every))
    rows = (f"{t:.7f},{len(s)}" for t, s in zip(np.cumsum(gaps), every, strict=True))
    (HERE / "arrivals.csv").write_text("\n".join(["arrival seconds,length", *rows]) + "\n")


if __name__ == "__main__":
    main()
