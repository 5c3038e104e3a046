"""Tables of n-grams learned from a token file: for each context the words that most likely follow."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rnncc.errors import InputError

FACTOR = 5471
"""A context's slot is its words as the digits of a number in this base, modulo the table's size."""
UNKNOWN = -1
"""A word before the text, and the words of a slot that holds no context."""
LEAST = 2
"""A context of more than one word counts when it was seen so often."""
MOST_SLOTS = 1 << 16
"""Slots of a hashed table, unless it is to be smaller."""
NEAR_SLOTS = 1 << 12
"""Slots of a hashed table that is to stay in vector memory."""
LONGEST = 5
"""The highest order."""


@dataclass
class Tables:
    """What a draft gathers from.

    Attributes:
        order: n of the longest n-grams; a context is up to n - 1 words.
        pairs: for each word the likeliest words behind it, [vocabulary, width].
        longer: for each length of context from 2 on a hashed table [slots, length + width]: the
            words of the context that a slot holds, and the likeliest words behind it.
    """

    order: int
    pairs: np.ndarray
    longer: dict[int, np.ndarray] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        """Bytes of all tables."""
        return self.pairs.nbytes + sum(table.nbytes for table in self.longer.values())


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
        if path.suffix == ".npy":
            return np.load(path, allow_pickle=False)
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                names = arrays.files
                if "tokens" not in names and len(names) != 1:
                    raise InputError(
                        f"{path}: no array 'tokens' among {', '.join(names) or 'none'}"
                    )
                return arrays["tokens" if "tokens" in names else names[0]]
        return np.array([int(word) for word in path.read_text().split()], np.int64)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file of tokens") from None
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: not a file of tokens: {error}") from None


def learn(
    tokens: np.ndarray, vocabulary: int, order: int, width: int, slots: int = MOST_SLOTS
) -> Tables:
    """The tables of a text.

    The words behind a context are guessed one after the other: each is the one that was seen most
    often behind the longest context that was seen (`LEAST` times when it is more than one word).

    Args:
        tokens: i64 [n], n at least 2.
        order: 2 .. LONGEST.
        width: how many words are guessed.
        slots: the most slots of a hashed table, a power of two; of contexts that want the same slot
            the most frequent stays.

    Raises:
        InputError: n-grams of that many words have no number of their own within 63 bits.
    """
    if vocabulary**order >= 1 << 63:
        raise InputError(f"{order}-grams of {vocabulary} words are too many", "give a lower order")
    model = _Counts(tokens, vocabulary, order)
    pairs = model.go_on(np.arange(vocabulary)[:, None], width)
    kind = np.int16 if vocabulary <= 1 << 15 else np.int32
    tables = Tables(order, pairs.astype(kind))
    for length in range(2, order):
        contexts, seen = model.contexts(length)
        guesses = model.go_on(contexts, width)
        # A context that changes nothing needs no slot.
        changed = (guesses != model.go_on(contexts[:, 1:], width)).any(1)
        table = _hashed(contexts[changed], seen[changed], guesses[changed], slots)
        tables.longer[length] = table.astype(kind)
    return tables


def _hashed(contexts: np.ndarray, seen: np.ndarray, guesses: np.ndarray, slots: int) -> np.ndarray:
    slots = min(slots, 1 << (2 * len(contexts) + 1).bit_length())
    table = np.full((slots, contexts.shape[1] + guesses.shape[1]), UNKNOWN, np.int64)
    table[:, contexts.shape[1] :] = 0
    slot = contexts[:, 0]
    for word in contexts[:, 1:].T:
        slot = (slot * FACTOR + word) & (slots - 1)
    rising = np.argsort(seen, kind="stable")
    table[slot[rising]] = np.concatenate([contexts, guesses], 1)[rising]
    return table


class _Counts:
    """For each length of context: the contexts seen, how often, and the likeliest next word."""

    def __init__(self, tokens: np.ndarray, vocabulary: int, order: int):
        self.vocabulary = vocabulary
        self.usual = int(np.bincount(tokens).argmax())
        self.tables = {n: self._count(tokens, n) for n in range(1, order)}

    def _count(self, tokens: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Keys of contexts in rising order, how often each was seen, and its likeliest next word."""
        ends = len(tokens) - length
        if ends < 1:
            none = np.zeros(0, np.int64)
            return none, none, none
        key = self._keys(np.stack([tokens[k : k + ends] for k in range(length)], 1))
        grams, times = np.unique(key * self.vocabulary + tokens[length:], return_counts=True)
        context, word = np.divmod(grams, self.vocabulary)
        # Sorted by context, then rarest first: the last of each context is the likeliest.
        order = np.lexsort((-word, times, context))
        context, word, times = context[order], word[order], times[order]
        last = np.append(np.flatnonzero(np.diff(context)), len(context) - 1)
        first = np.append(0, last[:-1] + 1)
        return context[last], np.add.reduceat(times, first), word[last]

    def _keys(self, contexts: np.ndarray) -> np.ndarray:
        key = np.zeros(len(contexts), np.int64)
        for word in contexts.T:
            key = key * self.vocabulary + word
        return key

    def contexts(self, length: int) -> tuple[np.ndarray, np.ndarray]:
        """The contexts of a length that count, [n, length], and how often each was seen."""
        keys, seen, _ = self.tables[length]
        keys, seen = keys[seen >= LEAST], seen[seen >= LEAST]
        words = []
        for _ in range(length):
            keys, word = np.divmod(keys, self.vocabulary)
            words.append(word)
        return np.stack(words[::-1], 1) if words else np.zeros((0, 0), np.int64), seen

    def go_on(self, contexts: np.ndarray, width: int) -> np.ndarray:
        """The likeliest `width` words behind contexts [n, length], [n, width]."""
        text = contexts
        for _ in range(width):
            text = np.concatenate([text, self._next(text)[:, None]], 1)
        return text[:, contexts.shape[1] :]

    def _next(self, text: np.ndarray) -> np.ndarray:
        word = np.full(len(text), self.usual)
        for length, (keys, seen, likeliest) in self.tables.items():
            if length > text.shape[1] or not len(keys):
                continue
            wanted = self._keys(text[:, -length:])
            place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
            counts = (keys[place] == wanted) & (seen[place] >= (LEAST if length > 1 else 1))
            word = np.where(counts, likeliest[place], word)
        return word
