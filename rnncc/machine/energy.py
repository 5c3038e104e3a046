"""What a machine file says of energy: how its silicon compares with the one whose operations were measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Energy:
    """The `[energy]` table; a machine without one has cycles only.

    Attributes:
        process_nm: feature size of the process in nanometres; 0 = energy is not described.
        volts: supply of the logic.
        dram_pj_per_byte: picojoules to move a byte to or from DRAM, both ends and the wires between.
        logic_factor: energy of its logic relative to a chip made for the purpose; an FPGA's is larger than 1.
        static_watts: power that flows whatever the machine does; 0 = not known, and not counted.
    """

    process_nm: float = 0.0
    volts: float = 0.0
    dram_pj_per_byte: float = 0.0
    logic_factor: float = 1.0
    static_watts: float = 0.0

    @property
    def described(self) -> bool:
        """Whether there is anything to count with."""
        return self.process_nm > 0
