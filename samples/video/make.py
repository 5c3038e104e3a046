"""Make the video sample: an LRCN that says what a clip begins and ends with, and held-out clips.

    python make.py

It needs torch, onnx, onnxruntime, numpy and scikit-learn (which carries the two photographs, a
temple and a flower), and three minutes. A clip is a slow pan over a photograph with cuts to other places of the
same or the other one; the model is trained on the left parts of both photographs, the held-out
clips pan over the right parts.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from sklearn.datasets import load_sample_images
from torch import nn

HERE = Path(__file__).parent
WINDOW, SCALE = 128, 4
"""Pixels of the photograph that a frame shows, each way, and how many of them make one of its own."""
SPLIT = 352
"""Columns of a photograph (of 640) that training may see."""
CLASSES = ["temple, temple", "temple, flower", "flower, temple", "flower, flower"]


class Lrcn(nn.Module):
    """A CNN on every frame, an LSTM over its features, scores from the last state."""

    def __init__(self, hidden: int):
        super().__init__()
        self.cnn = nn.Sequential(
            nn.Conv2d(3, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(12, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(24, 32, 3, padding=1, groups=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(512, 48), nn.ReLU(),
        )  # fmt: skip
        self.lstm = nn.LSTM(48, hidden, batch_first=True)
        self.head = nn.Linear(hidden, len(CLASSES))

    def forward(self, x):
        """Map clips [B, T, 3, 32, 32] of bytes to scores [B, 4]."""
        batch = x.shape[0]
        features = self.cnn(x.flatten(0, 1).float() / 255)
        states, _ = self.lstm(features.view(batch, -1, 48))
        return self.head(states[:, -1])

    def of_some(self, x, kept: list[np.ndarray]):
        """As forward, each clip without the frames that are not in its list."""
        features = self.cnn(x.flatten(0, 1) / 255).view(*x.shape[:2], 48)
        some = [features[b, torch.from_numpy(k)] for b, k in enumerate(kept)]
        states, _ = self.lstm(nn.utils.rnn.pad_sequence(some, batch_first=True))
        last = torch.tensor([len(k) - 1 for k in kept])
        return self.head(states[torch.arange(len(kept)), last])


def photographs(held: bool) -> list[np.ndarray]:
    """The parts of the temple and the flower that may be shown: [rows, columns, 3] of bytes."""
    pictures = load_sample_images().images
    return [p[:, SPLIT:] if held else p[:, :SPLIT] for p in pictures]


def scene(picture: np.ndarray, frames: int, rng: np.random.Generator) -> np.ndarray:
    """A pan of one or two pixels of the photograph a frame, sideways, up or down: [frames, 3, 32, 32]."""
    step = np.array([(0, 1), (0, -1), (1, 0), (-1, 0)][rng.integers(4)]) * rng.integers(1, 3)
    room = np.array(picture.shape[:2]) - WINDOW
    reach = step * (frames - 1)
    low, high = np.maximum(0, -reach), np.minimum(room, room - reach)
    at = rng.integers(low, high + 1)
    shown = []
    for t in range(frames):
        y, x = at + t * step
        part = picture[y : y + WINDOW, x : x + WINDOW].astype(np.float32)
        size = WINDOW // SCALE
        small = part.reshape(size, SCALE, size, SCALE, 3).mean((1, 3))
        shown.append(small.transpose(2, 0, 1))
    return np.stack(shown)


def make_clip(
    pictures: list[np.ndarray], frames: int, rng: np.random.Generator
) -> tuple[np.ndarray, int]:
    """Two to four scenes with cuts between them, and the class: what is first and what is last."""
    count = int(rng.integers(2, 5))
    inner = np.sort(rng.choice(np.arange(1, frames // 5), count - 1, replace=False)) * 5
    lengths = np.diff([0, *inner, frames])
    which = rng.integers(0, 2, count)
    parts = [scene(pictures[w], n, rng) for w, n in zip(which, lengths, strict=True)]
    return np.concatenate(parts).round().astype(np.uint8), int(2 * which[0] + which[-1])


def gated(clip: np.ndarray, threshold: float) -> np.ndarray:
    """The frames that `gate-frames{threshold metric=l2}` processes."""
    frames, kept = clip.reshape(len(clip), -1).astype(np.float32), [0]
    for t in range(1, len(frames)):
        last = frames[kept[-1]]
        if np.linalg.norm(frames[t] - last) > threshold * np.linalg.norm(last):
            kept.append(t)
    return np.array(kept)


def train(model: Lrcn, frames: int, steps: int, rng: np.random.Generator) -> None:
    """Train on new clips each step, mirrored, brightened, and without the frames that a gate skips."""
    pictures = photographs(held=False)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    for step in range(steps):
        clips, labels = zip(*(make_clip(pictures, frames, rng) for _ in range(16)), strict=True)
        x = torch.from_numpy(np.stack(clips)).float()
        kept = [gated(clip, rng.choice([0, rng.uniform(0, 0.3)])) for clip in clips]
        if rng.integers(2):
            x = x.flip(-1)
        light = torch.from_numpy(rng.uniform(0.7, 1.3, (16, 1, 3, 1, 1)).astype(np.float32))
        scores = model.of_some((x * light).clamp(0, 255), kept)
        loss = nn.functional.cross_entropy(scores, torch.tensor(labels))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 50 == 49:
            print(f"step {step + 1}: loss {loss.item():.3f}")


def export(model: Lrcn, path: Path, frames: int) -> None:
    """Write the model, time open, one clip at a time."""
    torch.onnx.export(
        model.eval(),
        (torch.zeros(1, frames, 3, 32, 32, dtype=torch.uint8),),
        str(path),
        dynamo=False,
        opset_version=17,
        input_names=["frames"],
        output_names=["scores"],
        dynamic_axes={"frames": {1: "T"}},
    )
    proto = onnx.load(path)
    for node in proto.graph.node:
        node.ClearField("doc_string")  # it would tell where this script lay
    onnx.checker.check_model(proto, full_check=True)
    onnx.save(proto, path)


def main() -> None:
    """Read the command line and make every file."""
    parser = argparse.ArgumentParser(description="Make the video sample.")
    parser.add_argument("--out", type=Path, default=HERE, help="where the files go (default: here)")
    parser.add_argument("--hidden", type=int, default=48, help="size of the LSTM's state")
    parser.add_argument("--frames", type=int, default=30, help="frames of a clip")
    parser.add_argument("--clips", type=int, default=12, help="held-out clips that are kept")
    parser.add_argument("--steps", type=int, default=500, help="training steps")
    parser.add_argument("--seed", type=int, default=2015)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(args.seed)
    model = Lrcn(args.hidden)
    train(model, args.frames, args.steps, rng)

    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "model.onnx"
    export(model, path, args.frames)
    pictures = photographs(held=True)
    made = [make_clip(pictures, args.frames, rng) for _ in range(200)]
    clips = np.stack([clip for clip, _ in made])[:, None]
    labels = np.array([label for _, label in made])
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found = np.array([session.run(None, {"frames": clip})[0][0].argmax() for clip in clips])
    right = int((found == labels).sum())
    kept = slice(0, args.clips)
    np.savez_compressed(
        args.out / "heldout.npz", frames=clips[kept], label=labels[kept].astype(np.int64)
    )
    np.savez_compressed(args.out / "clip.npz", frames=clips[0])
    print(
        f"ONNX Runtime, float32: {right} of {len(labels)} held-out clips right, {right / len(labels):.1%}"
    )
    print(
        f"of the {args.clips} kept: {int((found[kept] == labels[kept]).sum())}; labels {labels[kept].tolist()}"
    )


if __name__ == "__main__":
    main()
