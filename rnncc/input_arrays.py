"""Arrays that a caller gives for the inputs of a program: known names, all there, the right element types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from rnncc.errors import InputError, nearest
from rnncc.isa.types import NUMPY_TYPES

if TYPE_CHECKING:
    from rnncc.program import Port


def check_known(ports: Mapping[str, Port], inputs: Mapping[str, Any]) -> None:
    """Refuse a name that no input has, with InputError."""
    for name in inputs:
        if name not in ports:
            known = ", ".join(ports) or "none"
            raise InputError(
                f"the program has no input '{name}' (inputs: {known})", nearest(name, ports)
            )


def typed_arrays(
    ports: Mapping[str, Port], inputs: Mapping[str, Any], describe: Callable[[Port], str]
) -> dict[str, np.ndarray]:
    """An array for each input, in the order of the ports; their shapes are not looked at.

    Args:
        ports: the inputs by name.
        inputs: what is given; names are known.
        describe: an input as the message for a missing one says it.

    Raises:
        InputError: an input is missing, or of another element type.
    """
    missing = "; ".join(describe(port) for name, port in ports.items() if name not in inputs)
    if missing:
        raise InputError(f"input missing: {missing}")
    arrays = {}
    for name, port in ports.items():
        array = np.asarray(inputs[name])
        expected = NUMPY_TYPES[port.dtype]
        if array.dtype != expected:
            raise InputError(
                f"input '{name}' is {array.dtype}, expected {expected}",
                f"convert it with .astype('{expected}')",
            )
        arrays[name] = array
    return arrays
