"""The published workloads as ONNX models. Weights are random and all different: equal ones would be merged."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx

GATES = {"LSTM": 4, "GRU": 3}
TIME = "T"
"""Name of the run-time length."""
SCALE = 0.02
"""Of the weights; what they are does not matter to the cycles."""

# Sizes that the TPU paper leaves open. It says how many layers and weights an application has, and its table of
# counters (recalled) how much of its tiles is padding: useful / unused multiply-accumulates in percent of the peak are
# 12.5 / 0.3 for MLP0 (padded by 2.4 %), 9.4 / 1.2 for MLP1 (12.8 %), 8.2 / 0.0 for LSTM0, 6.3 / 4.2 for LSTM1 (67 %).
MLP0_WIDTHS = (*[2048] * 5, 1562)
"""Of the input and of five layers: multiples of the tile's 256 but one; 20.0 million weights, padded by 2.4 %."""
MLP1_WIDTHS = (*[1186] * 3, *[1000] * 2)
"""Of the input and of four layers, five or four tiles each way; 5.0 million weights, padded by 12.7 %."""
LSTM0_SIZES = (*[768] * 10, *[512] * 2)
"""Of twelve cells, the input as wide as the first: multiples of 256; 51.9 million weights, no padding."""
LSTM1_SIZES = (600,) * 12
"""Of twelve cells, the input as wide: 600 x 600 as the paper has it, nine tiles each, so padded by 64 %."""


class _Graph:
    """Nodes, weights and ports of a model on its way."""

    def __init__(self, name: str):
        import numpy as np

        self.name = name
        self.rng = np.random.default_rng(0)
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self.ports: tuple[list[Any], list[Any]] = ([], [])

    def weight(self, name: str, *shape: int) -> str:
        """A weight tensor; returns its name."""
        import numpy as np
        from onnx import numpy_helper

        values = self.rng.random(shape, dtype=np.float32)
        np.subtract(values, np.float32(0.5), out=values)
        np.multiply(values, np.float32(2 * SCALE), out=values)
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def node(self, kind: str, inputs: list[str], outputs: list[str], **attributes: Any) -> str:
        """A node; returns its first output."""
        from onnx import helper

        self.nodes.append(
            helper.make_node(
                kind, inputs, outputs, name=f"{kind.lower()}{len(self.nodes)}", **attributes
            )
        )
        return outputs[0]

    def port(self, name: str, *shape: int | str, output: bool = False) -> str:
        """An input or output; returns its name."""
        from onnx import TensorProto, helper

        self.ports[output].append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return name

    def model(self) -> onnx.ModelProto:
        """The whole."""
        from onnx import helper

        graph = helper.make_graph(self.nodes, self.name, *self.ports, self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@lru_cache(maxsize=2)
def layer(kind: str, hidden: int, reset_first: bool = False) -> onnx.ModelProto:
    """A recurrent layer at batch 1 over T steps, input as wide as the state.

    Args:
        kind: ``LSTM`` or ``GRU``.
        hidden: its size.
        reset_first: of a GRU: the reset gate scales the state before its product, so that a step has two products
            one after the other.
    """
    g = _Graph(f"{kind.lower()}_{hidden}")
    rows = GATES[kind] * hidden
    names = [
        g.port("x", TIME, 1, hidden),
        g.weight("w", 1, rows, hidden),
        g.weight("r", 1, rows, hidden),
    ]
    attributes = {"linear_before_reset": int(not reset_first)} if kind == "GRU" else {}
    g.node(
        kind, [*names, g.weight("b", 1, 2 * rows)], ["y", "y_h"], hidden_size=hidden, **attributes
    )
    g.port("y", TIME, 1, 1, hidden, output=True)
    g.port("y_h", 1, 1, hidden, output=True)
    return g.model()


@lru_cache(maxsize=2)
def recurrent_part(kind: str, hidden: int) -> onnx.ModelProto:
    """The layer without its input product, as DeepBench runs it on a GPU: each gate adds the input itself.

    Args:
        kind: ``LSTM`` or ``GRU`` (with the reset gate behind the product).
        hidden: its size.
    """
    from onnx import helper

    g = _Graph(f"{kind.lower()}_{hidden}_recurrent")
    step = _Graph("step")
    step.rng = g.rng
    states = ["h", "c"] if kind == "LSTM" else ["h"]
    for name in (*states, "x_t"):
        step.port(name, 1, hidden)
    count = GATES[kind]
    step.weight("weights", hidden, count * hidden)
    step.weight("bias", count * hidden)
    step.node("Concat", ["x_t"] * count, ["xs"], axis=1)
    step.node("MatMul", ["h", "weights"], ["p"])
    step.node("Add", ["xs", "bias"], ["q"])
    if kind == "LSTM":
        step.node("Add", ["q", "p"], ["s"])
        step.node("Split", ["s"], ["si", "so", "sf", "sg"], axis=1)
        for gate, function in (("i", "Sigmoid"), ("o", "Sigmoid"), ("f", "Sigmoid"), ("g", "Tanh")):
            step.node(function, [f"s{gate}"], [gate])
        step.node("Mul", ["f", "c"], ["fc"])
        step.node("Mul", ["i", "g"], ["ig"])
        step.node("Add", ["fc", "ig"], ["c_next"])
        step.node("Tanh", ["c_next"], ["tc"])
        step.node("Mul", ["o", "tc"], ["h_next"])
    else:
        step.node("Split", ["q"], ["qz", "qr", "qn"], axis=1)
        step.node("Split", ["p"], ["pz", "pr", "pn"], axis=1)
        for gate in ("z", "r"):
            step.node("Add", [f"q{gate}", f"p{gate}"], [f"s{gate}"])
            step.node("Sigmoid", [f"s{gate}"], [gate])
        step.node("Mul", ["r", "pn"], ["rp"])
        step.node("Add", ["qn", "rp"], ["sn"])
        step.node("Tanh", ["sn"], ["n"])
        step.node("Sub", ["h", "n"], ["d"])
        step.node("Mul", ["z", "d"], ["zd"])
        step.node("Add", ["n", "zd"], ["h_next"])
    step.node("Identity", ["h_next"], ["y_t"])
    ends = [f"{name}_next" for name in states]
    for name in (*ends, "y_t"):
        step.port(name, 1, hidden, output=True)
    body = helper.make_graph(step.nodes, "step", step.ports[0], step.ports[1], step.weights)
    starts = [g.port(f"{name}0", 1, hidden) for name in states]
    finals = [f"{name}_n" for name in states]
    g.port("x", TIME, 1, hidden)
    g.node("Scan", [*starts, "x"], [*finals, "y"], num_scan_inputs=1, body=body)
    for name in finals:
        g.port(name, 1, hidden, output=True)
    g.port("y", TIME, 1, hidden, output=True)
    return g.model()


def mlp0() -> onnx.ModelProto:
    """TPU v1's MLP0: 5 fully connected layers with ReLU, 20 million weights, batch 200."""
    return _dense("mlp0", MLP0_WIDTHS, 200)


def mlp1() -> onnx.ModelProto:
    """TPU v1's MLP1: 4 fully connected layers with ReLU, 5 million weights, batch 168."""
    return _dense("mlp1", MLP1_WIDTHS, 168)


def _dense(name: str, widths: tuple[int, ...], batch: int) -> onnx.ModelProto:
    g = _Graph(name)
    value, last = g.port("x", batch, widths[0]), len(widths) - 2
    for number, (inner, outer) in enumerate(pairwise(widths)):
        product = g.node("MatMul", [value, g.weight(f"w{number}", inner, outer)], [f"p{number}"])
        value = g.node("Relu", [product], ["y" if number == last else f"h{number}"])
    g.port("y", batch, widths[-1], output=True)
    return g.model()


def lstm0() -> onnx.ModelProto:
    """TPU v1's LSTM0: a step of 12 LSTM cells, so 24 fully connected layers, 52 million weights, batch 64.

    Its 34 vector layers are the cells' gates and states, here 8 to 9 operations a cell.
    """
    import numpy as np
    from onnx import numpy_helper

    g, batch, width = _Graph("lstm0"), 64, LSTM0_SIZES[0]
    g.weights.append(numpy_helper.from_array(np.array([1]), "direction"))
    value = g.port("x", 1, batch, width)
    for n, hidden in enumerate(LSTM0_SIZES):
        inner = {"w": width, "r": hidden}
        weights = [g.weight(f"{name}{n}", 1, 4 * hidden, k) for name, k in inner.items()]
        states = [g.port(f"{name}{n}", 1, batch, hidden) for name in ("h", "c")]
        bias = g.weight(f"b{n}", 1, 8 * hidden)
        ends = [g.port(f"{name}{n}", 1, batch, hidden, output=True) for name in ("hn", "cn")]
        made = [f"y{n}", *ends]
        g.node("LSTM", [value, *weights, bias, "", *states], made, hidden_size=hidden)
        value, width = g.node("Squeeze", [f"y{n}", "direction"], [f"s{n}"]), hidden
    return g.model()


def lstm1() -> onnx.ModelProto:
    """TPU v1's LSTM1: 34 million weights in matrices of 600 x 600 (the paper names them), batch 96.

    Here a step of 12 cells, each with a matrix a gate for input and state; how the paper's 37 fully connected and 19
    vector layers share the weights out is not known.
    """
    g, batch = _Graph("lstm1"), 96
    value = g.port("x", batch, LSTM1_SIZES[0])
    for n, hidden in enumerate(LSTM1_SIZES):
        state, memory = (g.port(f"{name}{n}", batch, hidden) for name in ("h", "c"))
        gates = []
        for kind, function in (("i", "Sigmoid"), ("o", "Sigmoid"), ("f", "Sigmoid"), ("g", "Tanh")):
            own = f"{kind}{n}"
            a = g.node("MatMul", [value, g.weight(f"w{own}", hidden, hidden)], [f"a{own}"])
            b = g.node("MatMul", [state, g.weight(f"r{own}", hidden, hidden)], [f"b{own}"])
            both = g.node("Add", [a, b], [f"both{own}"])
            total = g.node("Add", [both, g.weight(f"bias{own}", hidden)], [f"total{own}"])
            gates.append(g.node(function, [total], [f"gate{own}"]))
        i, o, f, new = gates
        kept, added = (
            g.node("Mul", [f, memory], [f"kept{n}"]),
            g.node("Mul", [i, new], [f"added{n}"]),
        )
        cell = g.node("Add", [kept, added], [g.port(f"cn{n}", batch, hidden, output=True)])
        bent = g.node("Tanh", [cell], [f"bent{n}"])
        value = g.node("Mul", [o, bent], [g.port(f"hn{n}", batch, hidden, output=True)])
    return g.model()


def cnn0() -> onnx.ModelProto:
    """TPU v1's CNN0: 16 convolutions, 8 million weights, 2,888 MACs a weight: 8 frames of 19 x 19 places.

    19 x 19 x 8 = 2,888: every weight meets every place of every frame, so strides are 1 and frames padded; a board of
    Go. The shapes are those of networks that played it: 48 planes in, a 5 x 5 layer, 13 of 3 x 3, two of 1 x 1.
    """
    g, batch, side, channels = _Graph("cnn0"), 8, 19, 256
    shapes = [(48, 5), *[(channels, 3)] * 13, *[(channels, 1)] * 2]
    value = g.port("x", batch, 48, side, side)
    for number, (inner, size) in enumerate(shapes):
        weight = g.weight(f"w{number}", channels, inner, size, size)
        conv = g.node(
            "Conv", [value, weight], [f"c{number}"], pads=[size // 2] * 4, kernel_shape=[size] * 2
        )
        value = g.node("Relu", [conv], ["y" if number == len(shapes) - 1 else f"r{number}"])
    g.port("y", batch, channels, side, side, output=True)
    return g.model()


def weights_and_batch(name: str) -> tuple[int, int]:
    """Weights of a fully connected or recurrent application, which all meet every row of its batch.

    Args:
        name: ``mlp0``, ``mlp1``, ``lstm0`` or ``lstm1``.

    Returns: (weights without biases, batch).
    """
    widths = {"mlp0": MLP0_WIDTHS, "mlp1": MLP1_WIDTHS}
    sizes = {"lstm0": LSTM0_SIZES, "lstm1": LSTM1_SIZES}
    batch = {"mlp0": 200, "mlp1": 168, "lstm0": 64, "lstm1": 96}[name]
    if name in widths:
        return sum(inner * outer for inner, outer in pairwise(widths[name])), batch
    cells = pairwise((sizes[name][0], *sizes[name]))
    return sum(4 * hidden * (inner + hidden) for inner, hidden in cells), batch
