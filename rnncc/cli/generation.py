"""Options of generation: what is fed back, how tokens are chosen, and words instead of numbers."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from rnncc.errors import InputError, PassError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from rnncc.generation import Generate, Generator

NEED_GENERATE = ("max_prompt", "stop", "temperature", "top_k")


def add_options(parser: argparse.ArgumentParser, *, run: bool) -> None:
    """The options; `run` adds those of a run."""
    group = parser.add_argument_group("generation")
    group.add_argument(
        "--generate",
        metavar="LOGITS:TOKEN,OUT:IN,..",
        help="generate tokens with a step model: what is fed back, logits and token first, then states",
    )
    group.add_argument(
        "--max-tokens", type=int, metavar="N", help="most tokens to generate; default 64"
    )
    group.add_argument(
        "--max-prompt", type=int, metavar="N", help="most tokens of a prompt; default 64"
    )
    group.add_argument(
        "--stop", metavar="TOKEN", help="end after this token: its number, or its word"
    )
    group.add_argument(
        "--temperature",
        type=float,
        metavar="T",
        help="draw tokens, from logits divided by T; default: the best token each time",
    )
    group.add_argument(
        "--top-k", type=int, metavar="K", help="draw from the K best tokens only; at temperature 1"
    )
    group.add_argument(
        "--vocabulary", metavar="FILE", help="the words, one a line, in the order of their numbers"
    )
    if run:
        group.add_argument(
            "--prompt",
            metavar="TOKENS",
            help="what to begin with: numbers, or words of --vocabulary",
        )


def generate_of(args: argparse.Namespace) -> Generate | None:
    """What the options ask for; None when nothing is to be generated.

    Raises:
        PassError: options of generation without ``--generate``.
    """
    from rnncc.generation import Generate

    if getattr(args, "generate", None) is None:
        names = ("max_tokens", "vocabulary", *NEED_GENERATE)
        given = [name for name in names if getattr(args, name, None) is not None]
        if given:
            option = given[0].replace("_", "-")
            raise PassError(f"--{option} needs --generate", "as in --generate logits:token,h1:h0")
        return None
    pairs = Generate.of(args.generate).pairs
    chosen = {
        name: value
        for name in ("max_tokens", "max_prompt", "temperature", "top_k")
        if (value := getattr(args, name)) is not None
    }
    return Generate(pairs, stop=_stop(args), **chosen)


def read_vocabulary(path: str) -> list[str]:
    """The words of a file, one a line.

    Raises:
        InputError: it is empty or holds a word twice.
    """
    from rnncc.cli.common import require_file

    with open(require_file(path), encoding="utf-8") as stream:
        words = stream.read().splitlines()
    if not words:
        raise InputError(f"{path}: no words")
    if len(set(words)) != len(words):
        first: dict[str, int] = {}
        line, word = next((n, w) for n, w in enumerate(words, 1) if first.setdefault(w, n) != n)
        raise InputError(
            f"{path}: '{word}' is there twice, on lines {first[word]} and {line}",
            "a vocabulary has one word a line, in the order of their numbers",
        )
    return words


def tokens_of(text: str, words: list[str] | None, where: str) -> list[int]:
    """The tokens of a text: words of the vocabulary, else whole numbers.

    Raises:
        InputError: a word that is not in the vocabulary, or no number.
    """
    known = {word: number for number, word in enumerate(words or [])}
    found = []
    for part in text.replace(",", " , ").split() if words else text.replace(",", " ").split():
        if part in known:
            found.append(known[part])
        elif words is None and part.isdigit():
            found.append(int(part))
        elif words is None:
            raise InputError(
                f"{where}: '{part}' is not the number of a token",
                "give --vocabulary FILE for words",
            )
        else:
            raise InputError(f"{where}: '{part}' is not in the vocabulary", nearest(part, known))
    return found


def _stop(args: argparse.Namespace) -> int | None:
    if args.stop is None:
        return None
    if args.stop.lstrip("-").isdigit():
        return int(args.stop)
    words = read_vocabulary(args.vocabulary) if args.vocabulary else None
    found = tokens_of(args.stop, words, "--stop")
    if len(found) != 1:
        raise InputError(f"--stop {args.stop}: one token ends generation, not {len(found)}")
    return found[0]


def run_inputs(
    args: argparse.Namespace, generator: Generator | None, given: Mapping[str, np.ndarray] | None
) -> dict | None:
    """The inputs of a run: of the file, and for a generator those of ``--prompt`` and ``--max-tokens``.

    Raises:
        InputError: there is nothing to begin with, or two of it; options of generation for another program.
    """
    if generator is None:
        options = {
            "--prompt": args.prompt,
            "--max-tokens": args.max_tokens,
            "--vocabulary": args.vocabulary,
        }
        for option, value in options.items():
            if value is not None:
                raise InputError(
                    f"{option}: {args.file} does not generate",
                    "give --generate, and the .onnx file",
                )
        return None if given is None else dict(given)
    inputs: dict = dict(given or {})
    if args.prompt is not None:
        if generator.prompt in inputs:
            raise InputError(f"--prompt and input '{generator.prompt}' are both given")
        words = read_vocabulary(args.vocabulary) if args.vocabulary else None
        inputs[generator.prompt] = tokens_of(args.prompt, words, "--prompt")
    if generator.prompt not in inputs:
        raise InputError(
            f"nothing to begin with: no --prompt, and no input '{generator.prompt}'",
            "give --prompt TOKENS",
        )
    if args.max_tokens is not None and generator.limit not in inputs:
        inputs[generator.limit] = args.max_tokens
    return inputs


def text_of(tokens: list[int], args: argparse.Namespace) -> str:
    """Tokens as words, or as numbers without a vocabulary."""
    if not args.vocabulary:
        return " ".join(map(str, tokens))
    words = read_vocabulary(args.vocabulary)
    missing = [token for token in tokens if token >= len(words)]
    if missing:
        raise InputError(
            f"{args.vocabulary}: has {len(words)} words, none for the token {missing[0]}"
        )
    return " ".join(words[token] for token in tokens)
