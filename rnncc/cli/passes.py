"""``rnncc passes``."""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import sys

from rnncc.errors import PassError, nearest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``rnncc passes``."""
    parser.add_argument("name", nargs="?", help="a pass or pipeline: its whole documentation")


def main(args: argparse.Namespace) -> int:
    """List passes and pipelines, or explain one."""
    from rnncc.passes.pipelines import DESCRIPTIONS, PIPELINES
    from rnncc.pipeline import available_passes
    from rnncc.universe import ALL_PASSES

    if args.name is None:
        print("passes:")
        for factory in ALL_PASSES.values():
            print(f"  {signature(factory()):<44} {first_line(factory())}")
        print("\npipelines:")
        for name, text in DESCRIPTIONS.items():
            print(f"  {name:<44} {text}")
        print(
            "\n`rnncc passes NAME` explains one; xDSL's own passes (canonicalize, cse, dce, ...) work too."
        )
        return 0
    if args.name in PIPELINES:
        print(f"{args.name}: {DESCRIPTIONS[args.name]}\n  {','.join(PIPELINES[args.name])}")
        return 0
    passes = available_passes()
    if args.name not in passes:
        raise PassError(
            f"unknown pass '{args.name}'",
            nearest(args.name, [*passes, *PIPELINES]) or "`rnncc passes` lists them",
        )
    cls = passes[args.name]()
    print(f"{signature(cls)}\n\n{documentation(cls)}")
    return 0


def documentation(cls: type) -> str:
    """What a pass needs and ensures: its class's documentation, or its module's where that is the longer one."""
    module = sys.modules[cls.__module__].__doc__ or ""
    return max(inspect.getdoc(cls) or "", inspect.cleandoc(module), key=len) or "no documentation"


def signature(cls: type) -> str:
    """``name{option=default ...}``."""
    options = [
        f"{f.name.replace('_', '-')}={f.default}"
        if f.default is not dataclasses.MISSING
        else f.name
        for f in dataclasses.fields(cls)
        if f.init and f.name != "name"
    ]
    return f"{cls.name}{{{' '.join(options)}}}" if options else cls.name


def first_line(cls: type) -> str:
    """The first line of a class's documentation."""
    return (inspect.getdoc(cls) or "").split("\n", 1)[0]
