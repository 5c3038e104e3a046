"""The small networks of this folder, each with the inputs it is exported with.

``CASES`` maps a name to a ``Case``: how to make the module, its inputs for a number of steps and
of sequences, the names of inputs and outputs, and which axes may vary.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

FEATURES, HIDDEN = 6, 8

# The ways to export: by which exporter, and with fixed or open axes.
SCRIPT, SCRIPT_FIXED = ("torchscript-dynamic",), ("torchscript-static",)
DYNAMO, DYNAMO_FIXED = ("dynamo-dynamic",), ("dynamo-static",)
OPEN = SCRIPT + DYNAMO
ALL = SCRIPT_FIXED + SCRIPT + DYNAMO_FIXED + DYNAMO


@dataclass
class Case:
    """One network; ``axes`` tells, for each input, which axis is the time and which the batch."""

    make: Callable[[], nn.Module]
    inputs: Callable[[int, int], tuple]
    names: list[str]
    outputs: list[str]
    axes: dict[str, dict[int, str]]
    exports: tuple[str, ...] = OPEN
    options: dict = field(default_factory=dict)


CASES: dict[str, Case] = {}

TIME_MAJOR, BATCH_MAJOR = {0: "time", 1: "batch"}, {0: "batch", 1: "time"}
STATE = {1: "batch"}


def sequence(steps, batch):
    """Return random features, time first."""
    return (torch.randn(steps, batch, FEATURES),)


def sequence_batch_first(steps, batch):
    """Return random features, batch first."""
    return (torch.randn(batch, steps, FEATURES),)


def words(steps, batch):
    """Return random word numbers, time first."""
    return (torch.randint(0, 20, (steps, batch)),)


def lengths(steps, batch):
    """Return lengths that fall from ``steps``."""
    return torch.tensor([max(steps - 2 * i, 1) for i in range(batch)])


def add(name, make, inputs, names, outputs, *axes, exports=OPEN, **options):
    """Enter a case; ``names`` and ``outputs`` are separated by spaces."""
    names = names.split()
    CASES[name] = Case(
        make, inputs, names, outputs.split(), dict(zip(names, axes, strict=True)), exports, options
    )


# One recurrent layer, no initial state given ------------------------------------------------------


class Recurrent(nn.Module):
    """A recurrent layer of PyTorch as it is; the state comes out, and goes in where given."""

    def __init__(self, kind, **options):
        super().__init__()
        self.layer = kind(FEATURES, HIDDEN, **options)

    def forward(self, x, *state):
        """Run the layer."""
        if not state:
            y, last = self.layer(x)
        else:
            y, last = self.layer(x, state if len(state) == 2 else state[0])
        return (y, *last) if isinstance(last, tuple) else (y, last)


def recurrent(kind, **options):
    """Return a maker of ``Recurrent``."""
    return lambda: Recurrent(kind, **options)


STATES = {nn.LSTM: "y hn cn", nn.GRU: "y hn", nn.RNN: "y hn"}
KINDS = {
    "lstm": (nn.LSTM, {}),
    "gru": (nn.GRU, {}),
    "rnn_tanh": (nn.RNN, {"nonlinearity": "tanh"}),
    "rnn_relu": (nn.RNN, {"nonlinearity": "relu"}),
}
for name, (kind, options) in KINDS.items():
    ways = SCRIPT if name == "rnn_relu" else ALL
    add(name, recurrent(kind, **options), sequence, "x", STATES[kind], TIME_MAJOR, exports=ways)

# Old operator sets: version 7 of the recurrent operators, Squeeze and Unsqueeze with attributes.
add(
    "lstm_opset13",
    recurrent(nn.LSTM),
    sequence,
    "x",
    "y hn cn",
    TIME_MAJOR,
    exports=SCRIPT,
    opset=13,
)
add("gru_opset9", recurrent(nn.GRU), sequence, "x", "y hn", TIME_MAJOR, exports=SCRIPT, opset=9)

# New ones (LSTM and GRU of version 22), and a graph that the exporter does not simplify.
add(
    "lstm_opset23",
    recurrent(nn.LSTM),
    sequence,
    "x",
    "y hn cn",
    TIME_MAJOR,
    exports=DYNAMO_FIXED,
    opset=23,
)
add(
    "gru_unoptimized",
    recurrent(nn.GRU, batch_first=True),
    sequence_batch_first,
    "x",
    "y hn",
    BATCH_MAJOR,
    exports=DYNAMO,
    opset=18,
    optimize=False,
)

# Layers, directions, layouts, states --------------------------------------------------------------

add(
    "lstm_stacked",
    recurrent(nn.LSTM, num_layers=3),
    sequence,
    "x",
    "y hn cn",
    TIME_MAJOR,
    exports=SCRIPT,
)
add("gru_stacked", recurrent(nn.GRU, num_layers=2), sequence, "x", "y hn", TIME_MAJOR)
add(
    "rnn_stacked",
    recurrent(nn.RNN, num_layers=2),
    sequence,
    "x",
    "y hn",
    TIME_MAJOR,
    exports=SCRIPT_FIXED,
)
for name, (kind, options) in KINDS.items():
    if name != "rnn_relu":
        add(
            f"{name}_bidirectional",
            recurrent(kind, bidirectional=True, **options),
            sequence,
            "x",
            STATES[kind],
            TIME_MAJOR,
            exports=OPEN if name == "lstm" else SCRIPT,
        )
add(
    "lstm_stacked_bidirectional",
    recurrent(nn.LSTM, num_layers=2, bidirectional=True),
    sequence,
    "x",
    "y hn cn",
    TIME_MAJOR,
    exports=OPEN + DYNAMO_FIXED,
)
add(
    "gru_stacked_bidirectional",
    recurrent(nn.GRU, num_layers=2, bidirectional=True, batch_first=True),
    sequence_batch_first,
    "x",
    "y hn",
    BATCH_MAJOR,
)
add(
    "lstm_batch_first",
    recurrent(nn.LSTM, batch_first=True),
    sequence_batch_first,
    "x",
    "y hn cn",
    BATCH_MAJOR,
)
add(
    "gru_batch_first",
    recurrent(nn.GRU, batch_first=True),
    sequence_batch_first,
    "x",
    "y hn",
    BATCH_MAJOR,
)
add(
    "lstm_no_bias",
    recurrent(nn.LSTM, bias=False),
    sequence,
    "x",
    "y hn cn",
    TIME_MAJOR,
    exports=DYNAMO_FIXED,
)
add("lstm_projected", recurrent(nn.LSTM, proj_size=5), sequence, "x", "y hn cn", TIME_MAJOR)


def with_states(count, layers):
    """Return inputs with ``count`` initial states of ``layers`` layers."""
    return lambda steps, batch: (
        *sequence(steps, batch),
        *(torch.randn(layers, batch, HIDDEN) for _ in range(count)),
    )


add(
    "lstm_states",
    recurrent(nn.LSTM),
    with_states(2, 1),
    "x h0 c0",
    "y hn cn",
    TIME_MAJOR,
    STATE,
    STATE,
    exports=SCRIPT + DYNAMO_FIXED,
)
add(
    "gru_states_stacked",
    recurrent(nn.GRU, num_layers=2),
    with_states(1, 2),
    "x h0",
    "y hn",
    TIME_MAJOR,
    STATE,
    exports=SCRIPT,
)
add(
    "lstm_states_bidirectional",
    recurrent(nn.LSTM, bidirectional=True),
    with_states(2, 2),
    "x h0 c0",
    "y hn cn",
    TIME_MAJOR,
    STATE,
    STATE,
    exports=SCRIPT,
)
# One sequence without a batch axis: the exporters put one in and take it out.
add(
    "lstm_unbatched",
    recurrent(nn.LSTM),
    lambda steps, batch: (torch.randn(steps, FEATURES),),
    "x",
    "y hn cn",
    {0: "time"},
    exports=DYNAMO_FIXED,
)

# Packed sequences ---------------------------------------------------------------------------------


class Packed(nn.Module):
    """A recurrent layer over sequences of different lengths."""

    def __init__(self, kind, sorted_lengths=True, **options):
        super().__init__()
        self.layer = kind(FEATURES, HIDDEN, **options)
        self.sorted_lengths = sorted_lengths

    def forward(self, x, lengths):
        """Pack, run, pad; the padded length is the longest in the batch."""
        first = self.layer.batch_first
        packed = pack_padded_sequence(
            x, lengths, batch_first=first, enforce_sorted=self.sorted_lengths
        )
        y, last = self.layer(packed)
        y, _ = pad_packed_sequence(y, batch_first=first)
        return (y, *last) if isinstance(last, tuple) else (y, last)


def packed(kind, **options):
    """Return a maker of ``Packed``."""
    return lambda: Packed(kind, **options)


LENGTHS = {0: "batch"}


def ragged(steps, batch):
    """Return features and falling lengths."""
    return (*sequence(steps, batch), lengths(steps, batch))


def ragged_batch_first(steps, batch):
    """Return features, batch first, and falling lengths."""
    return (*sequence_batch_first(steps, batch), lengths(steps, batch))


def ragged_unsorted(steps, batch):
    """Return features and rising lengths."""
    return (*sequence(steps, batch), lengths(steps, batch).flip(0))


add(
    "lstm_packed",
    packed(nn.LSTM),
    ragged,
    "x lengths",
    "y hn cn",
    TIME_MAJOR,
    LENGTHS,
    exports=OPEN + DYNAMO_FIXED,
)
add("gru_packed", packed(nn.GRU), ragged, "x lengths", "y hn", TIME_MAJOR, LENGTHS, exports=SCRIPT)
add(
    "lstm_packed_bidirectional",
    packed(nn.LSTM, num_layers=2, bidirectional=True, batch_first=True),
    ragged_batch_first,
    "x lengths",
    "y hn cn",
    BATCH_MAJOR,
    LENGTHS,
    exports=SCRIPT,
)
add(
    "gru_packed_unsorted",
    packed(nn.GRU, sorted_lengths=False),
    ragged_unsorted,
    "x lengths",
    "y hn",
    TIME_MAJOR,
    LENGTHS,
    exports=SCRIPT,
)

# Networks -----------------------------------------------------------------------------------------


class Language(nn.Module):
    """Embedding, stacked LSTM, projection, log-softmax; states in and out."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, FEATURES)
        self.lstm = nn.LSTM(FEATURES, HIDDEN, 2)
        self.projection = nn.Linear(HIDDEN, 20)

    def forward(self, tokens, h0, c0):
        """Map words to log-probabilities of the next ones."""
        y, (hn, cn) = self.lstm(self.embedding(tokens), (h0, c0))
        return torch.log_softmax(self.projection(y), -1), hn, cn


add(
    "language",
    Language,
    lambda steps, batch: (
        *words(steps, batch),
        torch.randn(2, batch, HIDDEN),
        torch.randn(2, batch, HIDDEN),
    ),
    "tokens h0 c0",
    "logp hn cn",
    TIME_MAJOR,
    STATE,
    STATE,
    exports=OPEN + DYNAMO_FIXED,
)


class Tagger(nn.Module):
    """Embedding, bidirectional GRU, projection, arg-max: one tag for each word."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, FEATURES)
        self.gru = nn.GRU(FEATURES, HIDDEN, bidirectional=True, batch_first=True)
        self.projection = nn.Linear(2 * HIDDEN, 5)

    def forward(self, tokens):
        """Map words [B, T] to tags [B, T]."""
        return self.projection(self.gru(self.embedding(tokens))[0]).argmax(-1)


add("tagger", Tagger, lambda steps, batch: (words(batch, steps)[0],), "tokens", "tags", BATCH_MAJOR)


class Classifier(nn.Module):
    """GRU, last step, linear, softmax."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(FEATURES, HIDDEN, batch_first=True)
        self.head = nn.Linear(HIDDEN, 4)

    def forward(self, x):
        """Map a sequence to the probabilities of four classes."""
        return torch.softmax(self.head(self.gru(x)[0][:, -1]), -1)


add("classifier", Classifier, sequence_batch_first, "x", "p", BATCH_MAJOR)


class Attention(nn.Module):
    """A decoder that looks at all states of an encoder by scaled dot products."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.GRU(FEATURES, HIDDEN, batch_first=True, bidirectional=True)
        self.decoder = nn.GRU(5, HIDDEN, batch_first=True)
        self.key = nn.Linear(2 * HIDDEN, HIDDEN)
        self.head = nn.Linear(3 * HIDDEN, 4)

    def forward(self, source, target):
        """Map source [B, T, F] and target [B, 4, 5] to logits [B, 4, 4]."""
        memory, _ = self.encoder(source)
        query, _ = self.decoder(target)
        score = torch.matmul(query, self.key(memory).transpose(1, 2)) / HIDDEN**0.5
        context = torch.matmul(torch.softmax(score, -1), memory)
        return self.head(torch.tanh(torch.cat([query, context], -1)))


add(
    "attention",
    Attention,
    lambda steps, batch: (*sequence_batch_first(steps, batch), torch.randn(batch, 4, 5)),
    "source target",
    "logits",
    BATCH_MAJOR,
    {0: "batch"},
    exports=OPEN,
)


class Interleaved(nn.Module):
    """LSTM, then linear, ReLU and layer normalisation with a residual sum, then GRU."""

    def __init__(self):
        super().__init__()
        self.first = nn.LSTM(FEATURES, HIDDEN)
        self.between = nn.Linear(HIDDEN, HIDDEN)
        self.norm = nn.LayerNorm(HIDDEN)
        self.second = nn.GRU(HIDDEN, 5)

    def forward(self, x):
        """Run the layers."""
        y, _ = self.first(x)
        return self.second(self.norm(y + torch.relu(self.between(y))))[0]


add("interleaved", Interleaved, sequence, "x", "y", TIME_MAJOR)


class Convolutional(nn.Module):
    """A convolution over time in front of a GRU, with every second step kept."""

    def __init__(self):
        super().__init__()
        self.front = nn.Conv1d(FEATURES, 5, 3, stride=2, padding=1)
        self.gru = nn.GRU(5, HIDDEN, batch_first=True)

    def forward(self, x):
        """Map features [B, F, T] to states."""
        return self.gru(torch.relu(self.front(x)).transpose(1, 2))[0]


add(
    "convolutional",
    Convolutional,
    lambda steps, batch: (torch.randn(batch, FEATURES, steps),),
    "x",
    "y",
    {0: "batch", 2: "time"},
    exports=OPEN + DYNAMO_FIXED,
)


class Lrcn(nn.Module):
    """A small network over the frames of a video, then an LSTM over time (LRCN)."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.second = nn.Conv2d(4, 6, 3, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(6)
        self.flat = nn.Linear(6, FEATURES)
        self.lstm = nn.LSTM(FEATURES, HIDDEN)

    def forward(self, frames):
        """Map frames [T, B, 3, 12, 12] to states."""
        steps, batch = frames.shape[:2]
        x = frames.reshape(steps * batch, 3, 12, 12)
        x = nn.functional.max_pool2d(torch.relu(self.first(x)), 2)
        x = nn.functional.avg_pool2d(torch.relu(self.norm(self.second(x))), 2)
        x = torch.relu(self.flat(x.flatten(1)))
        return self.lstm(x.reshape(steps, batch, FEATURES))[0]


add(
    "lrcn",
    Lrcn,
    lambda steps, batch: (torch.randn(steps, batch, 3, 12, 12),),
    "frames",
    "y",
    {0: "time", 1: "batch"},
    exports=SCRIPT + DYNAMO_FIXED,
)

# Recurrence that is written by hand ---------------------------------------------------------------


class CellUnrolled(nn.Module):
    """An LSTM cell called in a Python loop over four steps: the exporters unroll it."""

    def __init__(self):
        super().__init__()
        self.cell = nn.LSTMCell(FEATURES, HIDDEN)

    def forward(self, x):
        """Run four steps."""
        h = c = x.new_zeros(x.shape[1], HIDDEN)
        for step in range(4):
            h, c = self.cell(x[step], (h, c))
        return h, c


add(
    "cell_unrolled",
    CellUnrolled,
    lambda steps, batch: sequence(4, batch),
    "x",
    "h c",
    {1: "batch"},
    exports=DYNAMO,
)


class MinimalCell(nn.Module):
    """A minimal GRU, whose gate does not see the state."""

    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(FEATURES, HIDDEN)
        self.candidate = nn.Linear(FEATURES, HIDDEN)

    def forward(self, x, h):
        """Advance the state by one step."""
        z = torch.sigmoid(self.gate(x))
        return (1 - z) * h + z * self.candidate(x)


class ScriptedLoop(nn.Module):
    """A minimal GRU in a loop that TorchScript keeps: an ONNX Loop with a sequence of outputs."""

    def __init__(self):
        super().__init__()
        self.cell = MinimalCell()

    def forward(self, x, h0):
        """Run over the time axis of x [T, B, F]."""
        h = h0
        steps: list[torch.Tensor] = []
        for t in range(x.size(0)):
            h = self.cell(x[t], h)
            steps.append(h)
        return torch.stack(steps), h


STEP_STATE = {0: "batch"}


def with_step_state(steps, batch):
    """Return features and a state without a layer axis."""
    return (*sequence(steps, batch), torch.randn(batch, HIDDEN))


add(
    "cell_loop",
    lambda: torch.jit.script(ScriptedLoop()),
    with_step_state,
    "x h0",
    "y hn",
    TIME_MAJOR,
    STEP_STATE,
    exports=SCRIPT,
)


class Generator(nn.Module):
    """Greedy generation in a scripted loop, until the end word (3) or for ``limit`` steps."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, FEATURES)
        self.cell = MinimalCell()
        self.head = nn.Linear(HIDDEN, 20)

    def forward(self, h0, limit):
        # type: (torch.Tensor, torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]
        """Generate from the state h0 [1, H], beginning with word 1."""
        h = h0
        word = torch.ones(1, dtype=torch.int64)
        history = torch.zeros(1, dtype=torch.int64)
        count = torch.zeros(1, dtype=torch.int64)
        while bool(word[0] != 3) and bool(count[0] < limit[0]):
            h = torch.tanh(self.cell(self.embedding(word), h) + h)
            word = self.head(h).argmax(1)
            history = torch.cat([history, word])
            count = count + 1
        return history[1:], h


add(
    "generator_loop",
    lambda: torch.jit.script(Generator()),
    lambda steps, batch: (torch.randn(1, HIDDEN), torch.tensor([steps + 5])),
    "h0 limit",
    "words hn",
    {},
    {},
    exports=SCRIPT,
    open_outputs={"words": {0: "count"}},
)


class Scanned(nn.Module):
    """A minimal GRU in PyTorch's own scan operator: an ONNX Scan."""

    def __init__(self):
        super().__init__()
        self.cell = MinimalCell()

    def forward(self, x, h0):
        """Run over the time axis of x [T, B, F]."""

        def step(h, row):
            h = self.cell(row, h)
            return h, h.clone()

        hn, y = torch._higher_order_ops.scan(step, h0, x)
        return y, hn


add("cell_scan", Scanned, with_step_state, "x h0", "y hn", TIME_MAJOR, STEP_STATE, exports=DYNAMO)


class Halting(nn.Module):
    """PyTorch's own while operator: a state that advances until its norm passes a bound."""

    def __init__(self):
        super().__init__()
        self.cell = nn.Linear(HIDDEN, HIDDEN)

    def forward(self, h0):
        """Advance a state [B, H] until it is large, or twenty times."""

        def more(count, h):
            return (count < 20) & (h.abs().sum() < 60)

        def advance(count, h):
            return count + 1, h * 1.25 + torch.tanh(self.cell(h))

        return torch._higher_order_ops.while_loop(more, advance, (torch.tensor(0), h0))


add(
    "halting_while",
    Halting,
    lambda steps, batch: (torch.randn(batch, HIDDEN),),
    "h0",
    "count hn",
    STEP_STATE,
    exports=DYNAMO,
)
