"""Tables of n-grams learned from a token file: for each context the words that most likely follow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rnncc.array_files import read_arrays
from rnncc.errors import InputError

FACTOR = 5471
"""Words before the last one are the digits of a number in this base, which modulo the number of classes is theirs."""
UNKNOWN = -1
"""A word before the text."""
LEAST = 2
"""A word counts behind a class and a word when it was seen there so often."""
MOST_CLASSES = 16
"""Classes of what stands before the last word; more hardly help the sample language model."""
LONGEST = 5
"""The highest order."""


@dataclass(frozen=True)
class Table:
    """What a draft looks up.

    Attributes:
        order: n of the n-grams; a context is n - 1 words.
        classes: a power of two, into which the words before the last one are hashed; 1 for bigrams.
        rows: for each word and class the likeliest words behind it, [vocabulary * classes, width].
    """

    order: int
    classes: int
    rows: np.ndarray


def read_tokens(path: str, vocabulary: int) -> np.ndarray:
    """The tokens of a file, i64 [n].

    Args:
        path: ``.npz`` (its array ``tokens``, or its only one), ``.npy``, or text with numbers between
            white space.
        vocabulary: tokens are 0 .. vocabulary - 1.

    Raises:
        InputError: the file is missing, holds no tokens, other things than tokens, or tokens outside
            the vocabulary.
    """
    tokens = _read(Path(path))
    if tokens.dtype.kind not in "iu":
        raise InputError(f"{path}: tokens are whole numbers, not {tokens.dtype}")
    tokens = tokens.reshape(-1).astype(np.int64)
    if len(tokens) < 2:
        raise InputError(f"{path}: {len(tokens)} tokens, n-grams need two or more")
    outside = np.flatnonzero((tokens < 0) | (tokens >= vocabulary))
    if outside.size:
        raise InputError(
            f"{path}: token {tokens[outside[0]]} at {outside[0]} is outside the vocabulary, "
            f"0..{vocabulary - 1}"
        )
    return tokens


def _read(path: Path) -> np.ndarray:
    try:
        if path.suffix == ".npz":
            arrays = read_arrays(path)
            if "tokens" not in arrays and len(arrays) != 1:
                raise InputError(f"{path}: no array 'tokens' among {', '.join(arrays) or 'none'}")
            return arrays["tokens"] if "tokens" in arrays else next(iter(arrays.values()))
        if path.suffix == ".npy":
            return np.load(path, allow_pickle=False)
        return np.array([int(word) for word in path.read_text().split()], np.int64)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file of tokens") from None
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: not a file of tokens: {error}") from None


def learn(tokens: np.ndarray, vocabulary: int, order: int, width: int, classes: int) -> Table:
    """The table of a text.

    The words behind a context are guessed one after the other: each is the one that was seen most
    often behind the last word and the class of the words before it, or, where none was seen there
    `LEAST` times, behind the last word.

    Args:
        tokens: i64 [n], n at least 2.
        order: 2 .. LONGEST.
        width: how many words are guessed.
        classes: a power of two.
    """
    before = order - 2
    classes = classes if before else 1
    usual = int(np.bincount(tokens).argmax())
    words = np.repeat(_followers(tokens[:-1], tokens[1:], vocabulary, 1, usual), classes)
    if before and len(tokens) > before + 1:
        spans = [tokens[k : len(tokens) - 1 - before + k] for k in range(before + 1)]
        contexts = spans[-1] * classes + _class(spans[:-1], classes)
        seen = _followers(contexts, tokens[before + 1 :], vocabulary * classes, LEAST, UNKNOWN)
        words = np.where(seen == UNKNOWN, words, seen)
    # Of the words before a context only their class is known: any words of that class go on alike.
    past = [np.tile(np.arange(classes), vocabulary)] if before else []
    past = [np.zeros_like(past[0])] * (before - 1) + past if before else []
    last = np.repeat(np.arange(vocabulary), classes)
    rows = []
    for _ in range(width):
        index = last * classes + (_class(past, classes) if past else 0)
        rows.append(words[index])
        past, last = [*past[1:], last] if past else [], rows[-1]
    kind = np.int16 if vocabulary <= 1 << 15 else np.int32
    return Table(order, classes, np.stack(rows, 1).astype(kind))


def _class(past: list[np.ndarray], classes: int) -> np.ndarray:
    found = past[0]
    for word in past[1:]:
        found = found * FACTOR + word
    return found & (classes - 1)


def _followers(
    contexts: np.ndarray, words: np.ndarray, size: int, least: int, other: int
) -> np.ndarray:
    """For each context below `size` the word that was seen most often behind it, or `other`."""
    room = int(words.max()) + 1
    grams, times = np.unique(contexts * room + words, return_counts=True)
    context, word = np.divmod(grams, room)
    # Sorted by context, then rarest first: the last of each context is the likeliest.
    order = np.lexsort((-word, times, context))
    context, word, times = context[order], word[order], times[order]
    last = np.append(np.flatnonzero(np.diff(context)), len(context) - 1)
    last = last[times[last] >= least]
    found = np.full(size, other)
    found[context[last]] = word[last]
    return found
