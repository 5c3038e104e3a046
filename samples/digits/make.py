"""Make the digits sample: a GRU that reads 8x8 pictures row by row, and its held-out pictures.

    python make.py

It needs torch, onnx, onnxruntime, numpy and scikit-learn (which carries the 1797 pictures), and
half a minute.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from torch import nn

HERE = Path(__file__).parent


class RowReader(nn.Module):
    """A GRU over the rows of a picture, and a linear layer on its last state."""

    def __init__(self, hidden: int):
        super().__init__()
        self.gru = nn.GRU(8, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 10)

    def forward(self, x):
        """Map pictures [B, 8 rows, 8 columns] to logits [B, 10]."""
        steps, _ = self.gru(x)
        return self.head(steps[:, -1])


def train(model: RowReader, x: np.ndarray, y: np.ndarray, epochs: int) -> None:
    """Train on pictures shifted by at most one pixel, with a falling learning rate."""
    pictures, labels = torch.from_numpy(x), torch.from_numpy(y)
    batches = len(x) // 64
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=epochs * batches)
    for _ in range(epochs):
        for picked in torch.randperm(len(x))[: batches * 64].split(64):
            shift = int(torch.randint(-1, 2, ()))
            rows = torch.roll(pictures[picked], shift, 2)
            if shift:
                rows[:, :, 0 if shift > 0 else -1] = 0
            loss = nn.functional.cross_entropy(model(rows), labels[picked])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()


def main() -> None:
    """Read the command line and make every file."""
    parser = argparse.ArgumentParser(description="Make the digits sample.")
    parser.add_argument("--out", type=Path, default=HERE, help="where the files go (default: here)")
    parser.add_argument("--hidden", type=int, default=64, help="size of the GRU's state")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1797)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    digits = load_digits()
    x = (digits.images / 16).astype(np.float32)
    x, held_x, y, held_y = train_test_split(
        x, digits.target, test_size=360, random_state=args.seed, stratify=digits.target
    )
    model = RowReader(args.hidden)
    train(model, x, y, args.epochs)

    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "model.onnx"
    torch.onnx.export(
        model.eval(),
        (torch.from_numpy(x[:2]),),
        str(path),
        dynamo=False,
        opset_version=17,
        input_names=["x"],
        output_names=["logits"],
        dynamic_axes={"x": {0: "batch"}, "logits": {0: "batch"}},
    )
    proto = onnx.load(path)
    for node in proto.graph.node:
        node.ClearField("doc_string")  # it would tell where this script lay
    onnx.checker.check_model(proto, full_check=True)
    onnx.save(proto, path)
    np.savez_compressed(args.out / "heldout.npz", x=held_x, label=held_y.astype(np.int64))
    np.savez_compressed(args.out / "heldout_batch.npz", x=held_x[:16])

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {"x": held_x})
    right = int((logits.argmax(1) == held_y).sum())
    linear = LogisticRegression(max_iter=2000).fit(x.reshape(len(x), -1), y)
    score = linear.score(held_x.reshape(-1, 64), held_y)
    print(f"GRU, ONNX Runtime, float32: {right} of {len(held_y)} right, {right / len(held_y):.2%}")
    print(f"logistic regression on the 64 pixels: {score:.2%}")
    print(f"first 16 labels: {held_y[:16].tolist()}")
    print(f"first 16 answers: {logits[:16].argmax(1).tolist()}")


if __name__ == "__main__":
    main()
