"""Outputs that a program has beside the model's own: what it counted about itself.

The name of one begins with a word of ours (``rnncc.skipped.``, ``rnncc.speculated.``) and goes on with what is
counted, in parts with dots between; its value is i64 [2]. The runtime takes them out of the outputs.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def take_out(
    outputs: Mapping[str, np.ndarray], prefix: str, parts: int
) -> tuple[dict[str, np.ndarray], list[tuple[list[str], int, int]]]:
    """The outputs without those of a kind, and these: the parts of the name, and the two numbers.

    What has the prefix but is no such counter (a program file may hold anything) stays an output.

    Args:
        outputs: of a run.
        prefix: the word of the kind.
        parts: into how many parts the rest of the name falls; the first ones are numbers, the last may have dots.
    """
    own, found = {}, []
    for name, value in outputs.items():
        words = name.removeprefix(prefix).split(".", parts - 1)
        fits = len(words) == parts and all(word.isdecimal() for word in words[:-1])
        if name.startswith(prefix) and fits and value.shape == (2,) and value.dtype.kind == "i":
            found.append((words, int(value[0]), int(value[1])))
        else:
            own[name] = value
    return own, found
