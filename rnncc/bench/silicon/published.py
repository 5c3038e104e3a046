"""Published figures, and which software produced them.

DeepBench at batch 1: Fowers et al., ISCA 2018 (BW_S10); Zhao et al. 2019 (V100, Plasticine). TPU v1: Jouppi et al.,
ISCA 2017, tables 1 and 3.
"""

from __future__ import annotations

from dataclasses import dataclass

Layer = tuple[str, int, int]
"""Kind, hidden size, timesteps."""

LAYERS: tuple[Layer, ...] = (
    *(("LSTM", h, t) for h, t in ((256, 150), (512, 25), (1024, 25), (1536, 50), (2048, 25))),
    ("GRU", 512, 1),
    ("GRU", 1024, 1500),
    *(("GRU", h, t) for h in (1536, 2048, 2560, 2816) for t in (1500, 750, 375, 187)),
)
"""DeepBench's server inference layers."""

MILLISECONDS: dict[str, dict[Layer, float]] = {
    "bw-s10": {
        ("GRU", 2816, 750): 1.987, ("GRU", 2048, 375): 0.954, ("GRU", 1024, 1500): 3.792, ("GRU", 512, 1): 0.013,
        ("LSTM", 2048, 25): 0.074, ("LSTM", 1024, 25): 0.074, ("LSTM", 256, 150): 0.425,
    },
    "v100": {
        ("LSTM", 256, 150): 1.69, ("LSTM", 1024, 25): 0.71, ("LSTM", 2048, 25): 1.55,
        ("GRU", 1024, 1500): 33.77, ("GRU", 2048, 375): 17.70,
    },
    "plasticine-rnn": {
        ("LSTM", 256, 150): 0.0419, ("LSTM", 512, 25): 0.0139, ("LSTM", 1024, 25): 0.0292,
        ("LSTM", 1536, 50): 0.1224, ("LSTM", 2048, 25): 0.1060, ("GRU", 512, 1): 0.0004,
        ("GRU", 1024, 1500): 1.4430, ("GRU", 1536, 375): 0.7463, ("GRU", 2048, 375): 1.2833,
        ("GRU", 2560, 375): 1.9733,
    },
}  # fmt: skip
"""Latency of a layer by machine."""

PREDICTED: dict[str, dict[Layer, float]] = {
    "bw-s10": {
        ("LSTM", 512, 25): 0.077, ("LSTM", 1536, 50): 0.145, ("GRU", 1536, 375): 0.951, ("GRU", 2560, 375): 0.993,
    },
    # A run of one step takes 0.39 ms: calling the library costs a good 0.3 ms, which the machine's description has not.
    "v100": {
        ("LSTM", 512, 25): 0.60, ("LSTM", 1536, 50): 4.38, ("GRU", 512, 1): 0.39, ("GRU", 1536, 375): 13.12,
        ("GRU", 2560, 375): 23.57,
    },
}  # fmt: skip
"""Further rows of the same tables, recalled: no number of a machine was chosen by them, they test its predictions."""


def published(machine: str) -> dict[Layer, float]:
    """Every latency that is known of a machine, predicted rows among them."""
    return {**MILLISECONDS.get(machine, {}), **PREDICTED.get(machine, {})}


@dataclass(frozen=True)
class Software:
    """What a machine's own software did with a layer.

    Attributes:
        pipeline: the pipeline that mirrors it.
        input_product: whether the measured time has the input product; DeepBench leaves it out on GPUs.
        reset_first: whether a GRU's reset gate scales the state before its product.
        why: in words.
    """

    pipeline: str
    input_product: bool = True
    reset_first: bool = False
    why: str = ""


SOFTWARE = {
    "bw": Software(
        "brainwave", reset_first=True,
        why="weights pinned, a chain for each gate of input and state in every step; two products in series in a GRU's "
        "step, as its unconstrained 31 cycles against an LSTM's 20 say",
    ),
    "v100": Software(
        "kernels", input_product=False,
        why="a kernel for the state's product and one for the rest in every step; the input product is left out",
    ),
    "plasticine": Software("dataflow", why="weights pinned, one dot product over input and state"),
    "ipu": Software("dataflow", why="weights in the tiles' own memory"),
    "tpu": Software("tpu", why="weights through a FIFO, each matrix in tiles of its own"),
}  # fmt: skip
"""By the first part of a machine's name; ``default`` for others."""


def software(machine: str) -> Software:
    """The software of a machine."""
    return SOFTWARE.get(
        machine.split("-", maxsplit=1)[0], Software("default", why="rnncc's default")
    )


@dataclass(frozen=True)
class Application:
    """One of the TPU paper's applications.

    Attributes:
        name: as in the paper.
        machine: tpu-v1 in the format that the application ran in.
        tops: the throughputs that the paper supports: its own, and that of its share of active cycles.
        shares: percent of cycles: array active, weight stall, weight shift, non-matrix.
    """

    name: str
    machine: str
    tops: tuple[float, ...]
    shares: tuple[float, float, float, float]


APPLICATIONS = (
    Application("mlp0", "tpu-v1-int8", (12.3,), (12.7, 53.9, 15.9, 17.5)),
    Application("lstm0", "tpu-v1", (3.7,), (8.2, 58.1, 15.8, 17.9)),
    # Counters and throughput come from different runs: 78.2 % of 92 TOPS are 71.9.
    Application("cnn0", "tpu-v1-int8", (86.0, 71.9), (78.2, 0.0, 0.0, 21.8)),
)
PREDICTED_APPLICATIONS = (
    Application("mlp1", "tpu-v1-int8", (9.7,), (10.6, 44.2, 13.4, 31.9)),
    Application("lstm1", "tpu-v1", (2.8,), (10.5, 62.1, 17.1, 10.3)),
)
"""Two more of the paper's table, recalled, with shapes that it leaves open: no number of the machine was chosen by
them, and their shapes follow from weights, layers and padding alone (``models.py``). Its CNN1 (72 convolutions, 100
million weights) has none that could be guessed."""

SHARES = ("active", "weight_stall", "weight_shift", "non_matrix")
"""Names of the shares, as in ``Counters.array``."""
