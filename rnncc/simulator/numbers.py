"""What a machine's number formats do to values: numerics ``machine``.

Containers stay float32; what is in them is what the machine's format can hold.

* **Operands of a product** are rounded to the matrix engine's format as they enter it: weights when they are loaded,
  vectors at each product. bf16 and fp16: to nearest, ties to even. Block floating point: a block (``columns`` of the
  native tile, along k) shares the exponent of its largest magnitude, and each element is a sign and a few bits. int8
  and int16: symmetric, one scale a row of weights and one a vector, by their largest magnitude.
* **Sums** are float32, or, of integers, exact and saturated to 32 bits, then scaled. They stay so until a vector
  instruction, a transfer or another product takes them.
* **Results of vector instructions, and what transfers move** (inputs, biases, outputs), are rounded to the
  activations' format when that is fp16 or bf16. Integer formats keep the vector unit's own float32: what it hands on
  is scaled anew when it next enters the array.

Sources: Fowers et al., ISCA 2018 (block floating point: exponent of 5 bits shared by a native vector); Jouppi et al.,
ISCA 2017 (8 x 8, 8 x 16 and 16 x 16 bits into 32); NVIDIA 2017 (fp16 products, fp32 sums).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnncc.errors import UnsupportedError
from rnncc.machine.description import MachineDescription
from rnncc.machine.rounding import INTEGER_BITS, Rounder, Scaled, rounder, to_integers


@dataclass(frozen=True)
class Numbers:
    """How a machine's products and vector instructions round.

    Attributes:
        weights, operands: formats of the two operands of a product.
        results: rounding of vector instructions' results and of transfers; None for none.
        block: elements of a block of block floating point.
    """

    weights: str
    operands: str
    results: Rounder | None
    block: int

    @staticmethod
    def of(machine: MachineDescription) -> Numbers:
        """The numbers of a machine.

        Raises:
            UnsupportedError: one of its formats cannot be simulated; names it.
        """
        formats, block = machine.formats, machine.matrix.columns
        integers = formats.weights in INTEGER_BITS
        if integers and formats.activations not in INTEGER_BITS:
            raise UnsupportedError(
                f"machine '{machine.name}': products of {formats.weights} and {formats.activations} are not simulated",
                "use --numerics exact",
            )
        # Floating-point vectors are rounded to the weights' format on their way into the array.
        operands = formats.activations if integers else formats.weights
        if not integers:
            rounder(formats.weights, block)
        narrow = formats.activations in ("fp16", "bf16")
        results = rounder(formats.activations, block) if narrow else None
        return Numbers(formats.weights, operands, results, block)

    @property
    def integers(self) -> bool:
        """Whether products are of scaled integers."""
        return self.weights in INTEGER_BITS

    def load(self, matrix: np.ndarray) -> np.ndarray | Scaled:
        """Weights float32 [n, k] as the array holds them."""
        if self.integers:
            return to_integers(matrix, INTEGER_BITS[self.weights])
        round_weights = rounder(self.weights, self.block)
        return matrix if round_weights is None else round_weights(matrix)

    def multiply(self, weights: np.ndarray | Scaled, x: np.ndarray) -> np.ndarray:
        """``x [m, k] . weights [n, k]`` as float32 [m, n], as the engine computes it."""
        if isinstance(weights, Scaled):
            vectors = to_integers(x, INTEGER_BITS[self.operands])
            sums = vectors.values @ weights.values.T
            limits = np.iinfo(np.int32)
            sums = sums.clip(limits.min, limits.max)
            return (sums * (vectors.scale[:, None] * weights.scale)).astype(np.float32)
        round_operands = rounder(self.operands, self.block)
        return np.matmul(x if round_operands is None else round_operands(x), weights.T)
