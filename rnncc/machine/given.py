"""Descriptions that Python code made: names under which ``load_machine`` finds what is in no file.

A pass has its machine as text, like every option of a pass; a description gets a text of its own here.
"""

from __future__ import annotations

import hashlib
from weakref import WeakValueDictionary

from rnncc.machine.description import MachineDescription
from rnncc.machine.dump import dump_machine

_GIVEN: WeakValueDictionary[str, MachineDescription] = WeakValueDictionary()


def give(machine: MachineDescription) -> tuple[str, MachineDescription]:
    """A text for a description, and the description that ``load_machine`` gives for it.

    The text is good while that description lives: keep it as long as the text. Equal descriptions share both.

    Raises:
        MachineError: the machine could not exist.
    """
    machine.validate()
    digest = hashlib.sha256(dump_machine(machine).encode()).hexdigest()[:16]
    name = f"{machine.name}#{digest}"
    return name, _GIVEN.setdefault(name, machine)


def given(name: str) -> MachineDescription | None:
    """The description that `give` gave this text; None when there is none."""
    return _GIVEN.get(name)
