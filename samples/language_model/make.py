"""Make the language model sample: train it, export it, measure it, write every file of this folder.

    apt-get download r-cran-janeaustenr
    python make.py --deb r-cran-janeaustenr_1.0.0-1_all.deb

It needs torch, onnx, onnxruntime and numpy, one core and some ten minutes. The seed is fixed.
"""

import argparse
import itertools
import math
import time
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from corpus import UNKNOWN, read_novels, vocabulary
from torch import nn

HERE = Path(__file__).parent
HELD_OUT = 1001
"""Tokens kept from training at the end of each novel: one of context, a thousand to predict."""


class LanguageModel(nn.Module):
    """Embedding, LSTM layers, and a projection to logits that shares the embedding's weights."""

    def __init__(self, words: int, hidden: int, layers: int, dropout: float):
        super().__init__()
        self.embedding = nn.Embedding(words, hidden)
        self.lstm = nn.LSTM(hidden, hidden, layers, dropout=dropout)
        self.projection = nn.Linear(hidden, words)
        self.dropout = nn.Dropout(dropout)
        nn.init.normal_(self.embedding.weight, std=0.05)
        nn.init.zeros_(self.projection.bias)
        self.projection.weight = self.embedding.weight

    def forward(self, tokens, h0, c0):
        """Map tokens [T, B] and a state [L, B, H] to logits [T, B, V] and the next state."""
        steps, (hn, cn) = self.lstm(self.dropout(self.embedding(tokens)), (h0, c0))
        return self.projection(self.dropout(steps)), hn, cn


def train(model: LanguageModel, tokens: np.ndarray, valid: np.ndarray, args) -> None:
    """Train by truncated backpropagation through time, on ``args.batch`` streams side by side."""
    length = len(tokens) // args.batch
    streams = torch.from_numpy(tokens[: length * args.batch].reshape(args.batch, length).T.copy())
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=args.rate, betas=(0.9, 0.98), weight_decay=0.02
    )
    starts = range(0, length - 1, args.steps)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        args.rate,
        total_steps=args.epochs * len(starts),
        pct_start=0.1,
        final_div_factor=50,
    )
    layers, hidden = model.lstm.num_layers, model.lstm.hidden_size
    begun = time.process_time()
    for epoch in range(args.epochs):
        model.train()
        state = [torch.zeros(layers, args.batch, hidden) for _ in range(2)]
        total = count = 0.0
        for start in starts:
            stop = min(start + args.steps, length - 1)
            logits, *state = model(streams[start:stop], *state)
            loss = nn.functional.cross_entropy(
                logits.flatten(0, 1), streams[start + 1 : stop + 1].flatten()
            )
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()
            schedule.step()
            state = [s.detach() for s in state]
            total += loss.item() * (stop - start)
            count += stop - start
        model.eval()
        with torch.no_grad():
            zeros = torch.zeros(layers, valid.shape[1], hidden)
            logits, *_ = model(torch.from_numpy(valid[:-1]), zeros, zeros)
            loss = nn.functional.cross_entropy(
                logits.flatten(0, 1), torch.from_numpy(valid[1:]).flatten()
            )
        print(
            f"epoch {epoch + 1}: training perplexity {math.exp(total / count):.1f}, validation"
            f" {math.exp(loss):.1f}, {time.process_time() - begun:.0f} s of CPU",
            flush=True,
        )


def export(model: LanguageModel, path: Path) -> None:
    """Write the model as ONNX; the number of steps and the number of streams stay open."""
    layers, hidden = model.lstm.num_layers, model.lstm.hidden_size
    state = torch.zeros(layers, 2, hidden)
    torch.onnx.export(
        model.eval(),
        (torch.zeros(5, 2, dtype=torch.int64), state, state),
        str(path),
        dynamo=False,
        opset_version=17,
        input_names=["tokens", "h0", "c0"],
        output_names=["logits", "hn", "cn"],
        dynamic_axes={
            "tokens": {0: "time", 1: "batch"},
            "logits": {0: "time", 1: "batch"},
            **{name: {1: "batch"} for name in ("h0", "c0", "hn", "cn")},
        },
    )
    proto = onnx.load(path)
    for node in proto.graph.node:
        node.ClearField("doc_string")  # it would tell where this script lay
    share_projection(proto)
    onnx.checker.check_model(proto, full_check=True)
    onnx.save(proto, path)


def share_projection(proto: onnx.ModelProto) -> None:
    """Replace the second copy of the shared weights, which the exporter stores, by a Transpose."""
    arrays = {item.name: onnx.numpy_helper.to_array(item) for item in proto.graph.initializer}
    copies = [n for n, a in arrays.items() if np.array_equal(a, arrays["embedding.weight"].T)]
    for name in copies:
        user = next(i for i, node in enumerate(proto.graph.node) if name in node.input)
        turn = onnx.helper.make_node("Transpose", ["embedding.weight"], [name], perm=[1, 0])
        turn.name = "projection.weight"
        proto.graph.node.insert(user, turn)
        proto.graph.initializer.remove(next(i for i in proto.graph.initializer if i.name == name))


def measure(path: Path, tokens: np.ndarray, layers: int, hidden: int) -> float:
    """Return the perplexity of tokens [T, B] under the exported model, by ONNX Runtime."""
    zeros = np.zeros((layers, tokens.shape[1], hidden), np.float32)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"tokens": tokens[:-1], "h0": zeros, "c0": zeros})
    logits = logits.astype(np.float64)
    top = logits.max(-1, keepdims=True)
    logp = logits - top - np.log(np.exp(logits - top).sum(-1, keepdims=True))
    return math.exp(-np.take_along_axis(logp, tokens[1:, :, None], -1).mean())


def count_models(tokens: np.ndarray, held_out: np.ndarray, words: int) -> dict[str, float]:
    """Return the perplexity of n-gram models: unigram, bigram and trigram.

    The last two are interpolated Kneser-Ney with one discount of 0.75, the usual strong baseline.
    """
    discount = 0.75
    text = tokens.tolist()
    counts = np.bincount(tokens, minlength=words) + 1e-3
    unigram = counts / counts.sum()
    pairs = Counter(itertools.pairwise(text))
    triples = Counter(zip(text, text[1:], text[2:], strict=False))

    def grouped(grams):
        """Count how often, and with how many different followers, each context was seen."""
        seen, kinds = Counter(), Counter()
        for gram, times in grams.items():
            seen[gram[:-1]] += times
            kinds[gram[:-1]] += 1
        return seen, kinds

    # How many different words stand before a word, and before a pair: Kneser-Ney's lower orders.
    before = np.full(words, 1e-3)
    for _, word in pairs:
        before[word] += 1
    before /= before.sum()
    novel_pairs = Counter(gram[1:] for gram in triples)

    def interpolate(grams, seen, kinds, gram, lower):
        context = gram[:-1]
        if context not in seen:
            return lower
        return (max(grams[gram] - discount, 0) + discount * kinds[context] * lower) / seen[context]

    pair_groups, novel_groups = grouped(pairs), grouped(novel_pairs)
    triple_groups = grouped(triples)
    sums, predicted = np.zeros(3), 0
    for stream in held_out.T.tolist():
        for i in range(1, len(stream)):
            word, pair = stream[i], tuple(stream[i - 1 : i + 1])
            bigram = interpolate(pairs, *pair_groups, pair, before[word])
            trigram = bigram
            if i > 1:
                lower = interpolate(novel_pairs, *novel_groups, pair, before[word])
                trigram = interpolate(triples, *triple_groups, tuple(stream[i - 2 : i + 1]), lower)
            sums += np.log([unigram[word], bigram, trigram])
            predicted += 1
    values = np.exp(-sums / predicted)
    return dict(zip(("unigram", "bigram", "trigram"), values.tolist(), strict=True))


def main() -> None:
    """Read the command line and make every file."""
    parser = argparse.ArgumentParser(description="Make the language model sample.")
    package = "the Debian package r-cran-janeaustenr"
    parser.add_argument("--deb", type=Path, required=True, help=package)
    parser.add_argument("--out", type=Path, default=HERE, help="where the files go (default: here)")
    parser.add_argument("--words", type=int, default=4000, help="size of the vocabulary")
    parser.add_argument("--hidden", type=int, default=128, help="size of embedding and state")
    parser.add_argument("--layers", type=int, default=2, help="LSTM layers")
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch", type=int, default=32, help="streams trained side by side")
    parser.add_argument("--steps", type=int, default=32, help="steps of backpropagation")
    parser.add_argument("--rate", type=float, default=5e-3, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=1811)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    novels = read_novels(args.deb)
    # The end of each novel is held out; the stretch before it watches over the training.
    parts = [
        (text[: -2 * HELD_OUT], text[-2 * HELD_OUT : -HELD_OUT], text[-HELD_OUT:])
        for text in novels.values()
    ]
    words = vocabulary([token for part in parts for token in part[0]], args.words)
    index = {word: i for i, word in enumerate(words)}
    unknown = index[UNKNOWN]

    def encode(text):
        return np.array([index.get(token, unknown) for token in text], np.int64)

    tokens = np.concatenate([encode(part[0]) for part in parts])
    valid = np.stack([encode(part[1]) for part in parts], axis=1)
    held_out = np.stack([encode(part[2]) for part in parts], axis=1)
    print(f"{len(tokens)} training tokens, {np.mean(tokens == unknown):.2%} unknown")
    print(f"{held_out[1:].size} held-out tokens, {np.mean(held_out == unknown):.2%} unknown")

    model = LanguageModel(args.words, args.hidden, args.layers, args.dropout)
    train(model, tokens, valid, args)

    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "model.onnx"
    export(model, path)
    (args.out / "vocabulary.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    np.savez_compressed(args.out / "heldout.npz", tokens=held_out)
    np.savez_compressed(args.out / "tokens.npz", tokens=tokens.astype(np.uint16))
    zeros = np.zeros((args.layers, 4, args.hidden), np.float32)
    batch = {"tokens": held_out[:25, :4], "h0": zeros, "c0": zeros}
    np.savez_compressed(args.out / "heldout_batch.npz", **batch)

    print("perplexity on the held-out text:")
    for name, value in count_models(tokens, held_out, args.words).items():
        print(f"  {name:8} {value:7.1f}")
    value = measure(path, held_out, args.layers, args.hidden)
    print(f"  {'LSTM':8} {value:7.1f}  (ONNX Runtime, float32)")


if __name__ == "__main__":
    main()
