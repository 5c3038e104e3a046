"""Reads a module from ``.mlir`` text: a compilation may start at the rnn + nn level too."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rnncc.errors import ModelError

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp


def is_ir_file(model: object) -> bool:
    """Whether ``model`` is the path of a ``.mlir`` file."""
    return isinstance(model, (str, Path)) and str(model).endswith(".mlir")


def read_ir(path: str | Path) -> ModuleOp:
    """The verified module of a ``.mlir`` file.

    Raises:
        ModelError: the text is no IR of ours, or breaks an operation's rules; says where.
        OSError: it cannot be read.
    """
    from xdsl.parser import Parser
    from xdsl.utils.exceptions import ParseError, VerifyException

    from rnncc.universe import make_context
    from rnncc.verifier import verify_module

    try:
        text = Path(path).read_text()
        module = Parser(make_context(), text, str(path)).parse_module()
        verify_module(module)
    except (ParseError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} is not IR that rnncc reads: {error}") from None
    except VerifyException as error:
        raise ModelError(f"{path} does not verify: {error}") from None
    return module
