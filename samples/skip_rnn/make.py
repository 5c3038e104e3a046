"""Make the Skip RNN sample: an LSTM over the pixels of digits that decides which of them to look at.

    python make.py

It needs torch, onnx, onnxruntime, numpy and scikit-learn (which carries the 1797 pictures), and some
minutes. A picture is read as 16 steps of four pixels. Trained as in Campos et al., ICLR 2018: the gate is rounded
with a straight-through gradient, and each update costs a little.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from build import skip_rnn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

HERE = Path(__file__).parent
STEPS, PIXELS = 16, 4


class SkipLstm(nn.Module):
    """The recurrence of `build.skip_rnn`, and a linear layer on the last state."""

    def __init__(self, hidden: int):
        super().__init__()
        self.cell = nn.LSTMCell(PIXELS, hidden)
        self.gate = nn.Linear(hidden, 1)
        self.head = nn.Linear(hidden, 10)
        nn.init.constant_(self.gate.bias, 1.0)  # at first nearly every step is an update

    def forward(self, x):
        """Map [T, B, 4] to scores [B, 10] and the updates [T, B, 1]."""
        batch = x.shape[1]
        h = c = x.new_zeros(batch, self.cell.hidden_size)
        u, du, updates = x.new_ones(batch, 1), x.new_zeros(batch, 1), []
        for pixels in x:
            on = u + (u.round() - u).detach()
            h_cell, c_cell = self.cell(pixels, (h, c))
            du_cell = torch.sigmoid(self.gate(h_cell))
            h, c = on * h_cell + (1 - on) * h, on * c_cell + (1 - on) * c
            du = on * du_cell + (1 - on) * du
            u = on * du + (1 - on) * (u + torch.minimum(du, 1 - u))
            updates.append(on)
        return self.head(h), torch.stack(updates)


def values(model: SkipLstm) -> dict[str, np.ndarray]:
    """PyTorch's weights (gates i f g o) as `build.skip_rnn` wants them (i o f c)."""

    def turned(tensor: torch.Tensor) -> np.ndarray:
        i, f, g, o = tensor.detach().numpy().reshape(4, -1, *tensor.shape[1:])
        return np.concatenate([i, o, f, g])

    cell = model.cell
    return {
        "W": turned(cell.weight_ih),
        "R": turned(cell.weight_hh),
        "B": turned(cell.bias_ih) + turned(cell.bias_hh),
        "Wp": model.gate.weight.detach().numpy().T.copy(),
        "bp": model.gate.bias.detach().numpy(),
    }


def train(model: SkipLstm, x: np.ndarray, y: np.ndarray, epochs: int, price: float) -> None:
    """Train with a falling learning rate; an update costs `price`."""
    pictures, labels = torch.from_numpy(x), torch.from_numpy(y)
    batches = x.shape[1] // 64
    optimizer = torch.optim.AdamW(model.parameters(), 8e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 8e-3, total_steps=epochs * batches)
    for epoch in range(epochs):
        for picked in torch.randperm(x.shape[1])[: batches * 64].split(64):
            scores, updates = model(pictures[:, picked])
            loss = (
                nn.functional.cross_entropy(scores, labels[picked]) + price * updates.sum(0).mean()
            )
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}: loss {loss.item():.3f}, updates {updates.mean().item():.0%}")


def main() -> None:
    """Read the command line and make every file."""
    parser = argparse.ArgumentParser(description="Make the Skip RNN sample.")
    parser.add_argument("--out", type=Path, default=HERE, help="where the files go (default: here)")
    parser.add_argument("--hidden", type=int, default=96, help="size of the LSTM's state")
    parser.add_argument("--epochs", type=int, default=150)
    parser.add_argument("--price", type=float, default=2e-2, help="cost of an update in training")
    parser.add_argument("--seed", type=int, default=2018)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    digits = load_digits()
    pictures = (digits.images / 16).astype(np.float32).reshape(-1, STEPS, PIXELS)
    x, held, y, label = train_test_split(
        pictures, digits.target, test_size=360, random_state=args.seed, stratify=digits.target
    )
    model = SkipLstm(args.hidden)
    train(model, np.ascontiguousarray(x.swapaxes(0, 1)), y, args.epochs, args.price)
    args.out.mkdir(parents=True, exist_ok=True)
    head = model.head.weight.detach().numpy().T.copy(), model.head.bias.detach().numpy()
    proto = skip_rnn("lstm", values(model), steps=STEPS, head=head)
    onnx.save(proto, args.out / "model.onnx")
    frames = held[:, :, None]
    np.savez_compressed(args.out / "heldout.npz", x=frames, label=label.astype(np.int64))
    np.savez_compressed(args.out / "digit.npz", x=frames[0])
    session = onnxruntime.InferenceSession(args.out / "model.onnx")
    runs = [session.run(None, {"x": one}) for one in frames]
    right = sum(int(scores[0].argmax() == n) for (scores, _), n in zip(runs, label, strict=True))
    used = np.mean([updates.mean() for _, updates in runs])
    print(f"ONNX Runtime, float32: {right} of {len(label)} right, {right / len(label):.2%}")
    print(f"updates in {used:.1%} of the steps")
    print(f"the first is a {label[0]}, read with {int(runs[0][1].sum())} updates of {STEPS}")


if __name__ == "__main__":
    main()
