"""The named pipelines, with the reason beside each order constraint.

A pipeline is a flat list of pass texts; the machine (``target``) is given to the passes that take one when the
pipeline is built (see :mod:`rnncc.pipeline`).
"""

from __future__ import annotations

FRONT = (
    # Shape arithmetic must be numbers before anything asks for a static shape.
    "fold-constants",
    # Recurrences first: their bodies are still onnx, and the next pass walks into them.
    "convert-onnx-to-rnn",
    "convert-onnx-to-nn",
    # Reshapes and transposes left by the exporters cancel here, before products are looked for.
    "canonicalize",
    "cse",
    "dce",
)
"""From ONNX to rnn + nn: what a model says, in our words."""

RECURRENCE = (
    # One structured recurrence for everything: the passes below know rnn.scan only.
    "decompose-cells",
    # Gates written apart (user-written Scan cells) become one product ...
    "fuse-gates",
    # ... so that hoisting moves one large product out of the loop, not four small ones.
    # Only where it pays: what is hoisted may have to wait in DRAM, or have had its time within the step.
    "hoist-input-projection{policy=auto}",
    # Masks must be built after hoisting: a hoisted product does not need them.
    "lower-lengths",
    "canonicalize",
    "cse",
    "dce",
)
"""Exact transformations of the recurrence that every machine gains from."""

THROUGHPUT = (
    # As above: rows are added to rnn.scan and nn operations only, and one product for all gates gets them.
    *RECURRENCE[: RECURRENCE.index("fuse-gates") + 1],
    # Before hoisting: how much memory hoisted products take depends on the number of rows, and products that
    # stay in a packed step shrink with the rows that still run.
    "batch-sequences{size=16 policy=pack}",
    # As in LATENCY, both: a sum is an instruction on all rows.
    "hoist-input-projection{policy=auto sums=true}",
    "accumulate-products{policy=auto}",
    *RECURRENCE[RECURRENCE.index("hoist-input-projection{policy=auto}") + 1 :],
)
"""As `RECURRENCE`, for many independent sequences: each weight that is read serves all of them."""

BACK = (
    # Where tensors live decides what a tile may be ...
    "place-memory",
    # ... and the tile decides how many instructions a product becomes.
    "tile-for-machine",
    "lower-to-npu",
    # Order first, addresses second: an address fixed early would forbid the good order (a false dependence).
    "schedule",
    "allocate",
)
"""To the machine."""

LATENCY = (
    # As in RECURRENCE: one structured recurrence, one product of all gates, input products outside of the loop.
    "decompose-cells",
    "fuse-gates",
    # Before the wavefront: the product that feeds the lowest layer stays outside, those between the layers go back
    # into the step, where they must be.
    "hoist-input-projection{policy=auto sums=true}",
    # Halves first: a wavefront stops at a bidirectional layer, and two halves that are one scan are timed as one.
    "fuse-directions{measure=true}",
    "wavefront-layers{measure=true sums=true}",
    # Behind hoisting and the wavefront, which look for whole products, and lose its marks.
    "accumulate-products{policy=auto}",
    # After all that build new scans, which would lose its marks; before lengths become masks: it measures on random
    # lengths, and must still see what is one.
    "unroll-timesteps{factor=auto}",
    "lower-lengths",
    # After lower-lengths: the mask of the one row always holds and goes; updates that the model itself throws away
    # (Skip RNN) become branches.
    "sink-updates",
    "canonicalize",
    # Behind canonicalisation, which makes straight code of a single step: its state is what it starts with.
    "drop-zero-products",
    "cse",
    "dce",
)
"""One sequence as fast as can be: steps that wait for one another are filled with those that do not. Each joins or
unrolls only where that saves cycles on the machine; `sink-updates` weighs a branch against the work that it saves, and
how often it is taken depends on the data."""

VIDEO = (
    # The gate goes around rnn.scan; one product of all gates is one product behind it.
    "decompose-cells",
    "fuse-gates",
    # Before hoisting, which would take input products out of the step and do them for skipped frames as well; before
    # directions are fused: a step of both reads two frames. Approximate: this is why it is in no other pipeline.
    "gate-frames{threshold=0.15 metric=l2}",
    # What is not behind a gate now: a CNN that is better off frame by frame, if the machine says so.
    "sink-front{measure=true}",
    # The products of recurrences that are not gated.
    "hoist-input-projection{policy=auto}",
    "lower-lengths",
    # After lower-lengths, whose masks it looks at: gates that the model itself has (Skip RNN) become branches.
    "sink-updates",
    "canonicalize",
    "cse",
    "dce",
)
"""Frames that change little: what would be computed again and hardly change is not computed. The error is measured by
``rnncc compile --calibration``."""

GENERATE = (
    # While the model is still one step: what the exporter's shape arithmetic was is folded, cells are whole.
    "generate-tokens",
    "decompose-cells",
    # A layer's scan of one step dissolves in the loop over tokens, so that the passes below see one step ...
    "canonicalize",
    "fuse-gates",
    # ... and the prompt's products leave its scan. In the loop input and recurrent product stay apart: the recurrent
    # one waits for no token and can be issued while the token is still being chosen.
    "hoist-input-projection{policy=auto}",
    "lower-lengths",
    "canonicalize",
    "cse",
    "dce",
)
"""A step model becomes a generator; its recurrence is that of `RECURRENCE`."""

SPECULATE = (
    "generate-tokens",
    "decompose-cells",
    # As in GENERATE: layers of one step dissolve in the step ...
    "canonicalize",
    "fuse-gates",
    # ... which then runs over guessed words as a scan of its own.
    "speculate-words",
    # The words are all known. Where weights come from memory, layers come apart, so that the products between them are
    # one for all words; where they stay, layers advance together and the turn is shorter.
    "split-scans{policy=auto}",
    # What comes before a recurrence leaves, and, behind it, the vocabulary.
    "hoist-input-projection",
    "hoist-output-projection",
    "lower-lengths",
    # As the passes above look for scans: a turn's scan over a few words is straight code.
    "straighten-scans",
    "canonicalize",
    # Behind canonicalisation, which puts the bias next to its product: where words share nothing of the vocabulary's
    # weights, one is chosen while the logits of the next are made.
    "stagger-rows",
    "cse",
    "dce",
)
"""A generator that guesses its next words and runs them together; the words are those of `GENERATE`."""

PIPELINES: dict[str, tuple[str, ...]] = {
    "default": FRONT + RECURRENCE + BACK,
    # Weights that are used once come piece by piece: more instructions, fewer cycles at the start.
    "latency": (
        *FRONT,
        *LATENCY,
        *("place-memory{once=pieces}" if p == "place-memory" else p for p in BACK),
    ),
    # Everything up to the machine: what `--emit rnn` shows.
    "front": FRONT,
    "recurrence": RECURRENCE,
    "back": BACK,
    "throughput": FRONT + THROUGHPUT + BACK,
    "video": FRONT + VIDEO + BACK,
    "generate": FRONT + GENERATE + BACK,
    "speculate": FRONT + SPECULATE + BACK,
    # No transformation beyond what lowering needs: the baseline that a pass's gain is measured against.
    "baseline": (*FRONT, "decompose-cells", "lower-lengths", "canonicalize", "cse", "dce", *BACK),
    # As cuDNN does at batch 1: the input product for all steps, then a kernel for each step's product and one for the
    # rest; nothing crosses from one step into the next.
    "kernels": (
        *FRONT,
        *RECURRENCE,
        "place-memory",
        "tile-for-machine",
        "lower-to-npu",
        "schedule{policy=list}",
        "allocate",
    ),
    # As TPU v1's software did (Jouppi et al., ISCA 2017): weights pass once through a FIFO of four tiles. Matrices are
    # not put together: the paper counts each 600 x 600 matrix of LSTM1 as nine tiles, and its counters find two unused
    # multipliers for three used ones there.
    "tpu": (
        *FRONT,
        *(name for name in RECURRENCE if name != "fuse-gates"),
        "place-memory",
        "tile-for-machine{panels=4 blocks=2}",
        "lower-to-npu",
        "schedule{policy=list}",
        "allocate",
    ),
    # As Plasticine's mapping did (Zhao et al. 2019): weights pinned, one dot product over input and state.
    "dataflow": (
        *FRONT,
        "decompose-cells",
        "lower-lengths",
        # Gate by gate first: a GRU's candidate keeps its products apart, the other gates join theirs ...
        "split-gates",
        "join-products",
        "canonicalize",
        "cse",
        # ... and then gates of the same operands are one product again.
        "fuse-gates",
        "canonicalize",
        "cse",
        "dce",
        "place-memory{inputs=stream}",
        "tile-for-machine",
        "lower-to-npu",
        "persist-weights",
        "schedule{policy=list}",
        "allocate",
    ),
    # As Brainwave's own software did (Fowers et al., ISCA 2018): weights pinned; in each step a chain for each gate, of
    # the input and of the state (nothing is hoisted); chains in the order in which they are written.
    "brainwave": (
        *FRONT,
        "decompose-cells",
        # Masks before chains are formed, else a select would stand alone.
        "lower-lengths",
        "split-gates",
        "canonicalize",
        "cse",
        "dce",
        # Last of what changes the step: the order is what this pass is for.
        "form-chains",
        # The network delivers a vector a step.
        "place-memory{inputs=stream}",
        "tile-for-machine",
        "lower-to-npu",
        # Before addresses: what stays for good shares its place with nothing.
        "persist-weights",
        "schedule{policy=none}",
        "allocate",
    ),
}
"""Name -> passes; any of these names may also stand inside a pipeline text."""

DESCRIPTIONS = {
    "default": "from ONNX to an allocated npu module, with the exact transformations",
    "latency": "as default, with directions, layers and steps side by side where that saves cycles",
    "front": "from ONNX to the rnn and nn dialects",
    "recurrence": "cells to rnn.scan, gates fused, input products hoisted, lengths lowered",
    "back": "from rnn and nn to an allocated npu module",
    "throughput": "as default for 16 sequences a run, packed; throughput{size=64 policy=pad} for others",
    "kernels": "as default, with steps one after the other: as cuDNN at batch 1",
    "tpu": "as default, each matrix apart, weights through a FIFO of four tiles: as TPU v1's own software",
    "dataflow": "weights pinned, input and state multiplied together: as Plasticine's mapping of RNNs",
    "brainwave": "weights pinned, a chain for each gate, nothing hoisted: as Brainwave's own software",
    "video": "frames like the last processed one are skipped (approximate); video{threshold=0} skips none",
    "generate": 'a step model to a program that generates tokens; generate{pairs="logits:token" max-tokens=9}',
    "speculate": "as generate, with guessed words run together; speculate{width=4 draft=history}",
    "baseline": "as default without fuse-gates and hoist-input-projection, to measure what they gain",
}
"""Name -> one line for ``rnncc passes``."""

OPTIONS = {
    "throughput": "batch-sequences",
    "video": "gate-frames",
    "generate": "generate-tokens",
    "speculate": "speculate-words",
}
"""Name -> the pass whose options the pipeline takes as its own."""
