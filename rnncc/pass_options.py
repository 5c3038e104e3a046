"""Options of passes in a pipeline text: which are there, and what is wrong with a value."""

from __future__ import annotations

import dataclasses
import types
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin, get_type_hints

from rnncc.errors import PassError, nearest

if TYPE_CHECKING:
    from xdsl.passes import ModulePass
    from xdsl.utils.arg_spec import ArgSpec

WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a word"}


def option_names(cls: type) -> list[str]:
    """The options of a pass, as fields are named (``max_layers``)."""
    return [f.name for f in dataclasses.fields(cls) if f.init and f.name != "name"]


def instance_of(cls: type[ModulePass], spec: ArgSpec) -> ModulePass:
    """The pass with the options of a pipeline text.

    Raises:
        PassError: it has no such option, or the value is of the wrong type; names the option.
    """
    names = option_names(cls)
    shown = [name.replace("_", "-") for name in names]
    for given in spec.normalize_parameter_names().parameters:
        if given not in names:
            option = given.replace("_", "-")
            known = ", ".join(shown) or "none"
            raise PassError(
                f"pass '{spec.name}' has no option '{option}' (options: {known})",
                nearest(option, shown),
            )
    try:
        return cls.from_spec(spec)
    except ValueError as error:
        raise PassError(_wrong(cls, spec) or f"pass '{spec.name}': {error}") from None


def _wrong(cls: type[ModulePass], spec: ArgSpec) -> str | None:
    """Which option has a value of the wrong type; None when it is something else."""
    from xdsl.utils.arg_spec import ArgSpec

    kinds = get_type_hints(cls)
    for name, values in spec.normalize_parameter_names().parameters.items():
        required = {n: spec.parameters[n] for n in cls.required_fields() if n in spec.parameters}
        try:
            cls.from_spec(ArgSpec(spec.name, {**required, name: values}))
        except ValueError:
            option = name.replace("_", "-")
            text = ",".join(str(v).lower() if isinstance(v, bool) else str(v) for v in values)
            given = f"not {text}" if values else "and was given no value"
            return f"pass '{spec.name}': option '{option}' takes {_words(kinds[name])}, {given}"
    return None


def _words(kind: Any) -> str:
    """A type of an option in words."""
    parts = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    words = []
    for part in parts:
        if get_origin(part) is tuple:
            words.append(f"a list ({_words(get_args(part)[0])})")
        elif part is not type(None):
            words.append(WORDS.get(part, getattr(part, "__name__", str(part))))
    return " or ".join(dict.fromkeys(words))
