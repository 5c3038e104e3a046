"""Machine descriptions: what a machine is, loaded strictly from TOML and checked."""

from rnncc.machine.description import MachineDescription
from rnncc.machine.load import load_machine, machine_names, parse_machine

__all__ = ["MachineDescription", "load_machine", "machine_names", "parse_machine"]
