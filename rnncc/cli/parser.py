"""The argument parser of ``rnncc``, and the one place where errors become messages."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable

from rnncc.errors import RnnccError, nearest

COMMANDS = {
    "compile": "compile a model to a program (.rnx), or show it at any level",
    "run": "compile if needed, simulate, and report values and cycles",
    "report": "write one HTML page: timeline, roofline, memory, source map, what each pass did",
    "serve-sim": "replay requests against a machine under batching policies",
    "bench": "run a benchmark suite: cycles of known models on the machines",
    "verify": "compare a model's compiled outputs with a reference",
    "opt": "read IR or ONNX, run passes, print IR (an xdsl-opt with rnncc's dialects)",
    "asm": "assemble text to a program",
    "disasm": "print a program as assembler text",
    "targets": "list the machines, or show one",
    "passes": "list the passes and pipelines with their options",
}


class Parser(argparse.ArgumentParser):
    """Reports usage errors in the same form as every other error, with the nearest right option."""

    def error(self, message: str) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Print the message and end with status 2."""
        hint = None
        if message.startswith("unrecognized arguments: "):
            given = (
                message.removeprefix("unrecognized arguments: ").partition(" ")[0].partition("=")[0]
            )
            hint = nearest(given, self._option_string_actions)
        print(f"error: {message}" + (f"\n  hint: {hint}" if hint else ""), file=sys.stderr)
        print(f"  see: {self.prog} --help", file=sys.stderr)
        raise SystemExit(2)


def run(arguments: list[str]) -> int:
    """Dispatch to a subcommand; expected errors become ``error: ...`` and status 1."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_overview())
        return 0
    if arguments[0] in ("-V", "--version"):
        from importlib.metadata import version

        print(f"rnncc {version('rnncc')}")
        return 0
    name, rest = arguments[0], arguments[1:]
    if name not in COMMANDS:
        hint = nearest(name, COMMANDS)
        print(
            f"error: unknown command '{name}'" + (f"\n  hint: {hint}" if hint else ""),
            file=sys.stderr,
        )
        print("  see: rnncc --help", file=sys.stderr)
        return 2
    debug = "--debug" in rest
    rest = [argument for argument in rest if argument != "--debug"]
    return guarded(lambda: _dispatch(name, rest), debug)


def _dispatch(name: str, rest: list[str]) -> int:
    if name == "opt":
        from rnncc import opt

        return opt.main(rest)
    module = importlib.import_module(f"rnncc.cli.{name.replace('-', '_')}")
    parser = Parser(
        prog=f"rnncc {name}",
        description=COMMANDS[name],
        epilog="--debug shows tracebacks",
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    return module.main(parser.parse_args(rest))


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = [
        "usage: rnncc COMMAND ...",
        "",
        "A compiler for recurrent networks: ONNX to an accelerator's instructions, values and cycles.",
        "",
        "commands:",
        *(f"  {name:<{width}}  {text}" for name, text in COMMANDS.items()),
        "",
        "options:",
        "  -h, --help     this text; also after a command",
        "  -V, --version  the version",
        "  --debug        after a command: a traceback with any error",
    ]
    return "\n".join(lines)


def guarded(action: Callable[[], int], debug: bool = False) -> int:
    """Run ``action``; turn an expected error into one message on standard error and status 1."""
    try:
        status = action()
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # The reader (head, less) went away; Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BaseException as error:
        text = message_of(error)
        if debug or text is None:
            raise
        print(f"error: {text}", file=sys.stderr)
        return 1


def message_of(error: BaseException) -> str | None:
    """The text of an expected error; None for a defect of ours, which keeps its traceback."""
    if isinstance(error, RnnccError):
        return str(error)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}"
    if isinstance(error, MemoryError):
        return "out of memory"
    return _xdsl_message(error)


def _xdsl_message(error: BaseException) -> str | None:
    """The text of xDSL's expected errors; None for anything else (a defect of ours, shown with its traceback)."""
    if "xdsl" not in sys.modules:
        return None
    from xdsl.utils.exceptions import (
        ArgSpecParseError,
        DiagnosticException,
        ParseError,
        PassFailedException,
    )

    if isinstance(error, (ParseError, DiagnosticException, ArgSpecParseError, PassFailedException)):
        return "\n".join([str(error), *getattr(error, "__notes__", [])])
    if type(error) is ValueError and "Unrecognized file extension" in str(error):
        return str(error)
    return None
