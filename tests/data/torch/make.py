"""Export the small networks of ``models.py`` by PyTorch's two exporters, and keep what passes.

    python make.py [--only REGEX] [--out FOLDER] [--jobs N]

It needs torch, onnx, onnxscript, onnxruntime and numpy; a few minutes. A file is named
NETWORK-EXPORTER-AXES.onnx: the exporter is ``torchscript`` (``dynamo=False``) or ``dynamo``
(``dynamo=True``), the axes are ``static`` (fixed) or ``dynamic`` (open). Each is checked in
full by onnx.checker and run by ONNX Runtime, whose outputs must agree with PyTorch's within
1e-5. The .npz of the same name holds inputs and PyTorch's outputs; where axes are open, also a
second set of another size.

What was refused with torch 2.13.0, onnxscript 0.7.2 and ONNX Runtime 1.32.0:

- LSTM with ``proj_size``: the torchscript exporter says that it is unsupported; the dynamo
  exporter writes a plain LSTM, which is another network (onnx.checker finds the shapes to
  disagree).
- Packed sequences by the dynamo exporter: torch.export stops ("zeros(): argument 'size' failed to
  unpack"). So only the torchscript exporter gives models with sequence lengths.
- A convolution with open time in front of a GRU, by the dynamo exporter: its conversion fails
  ("The size of tensor a (8) must match the size of tensor b (24)"). With fixed axes it works.
- A scripted loop around ``nn.GRUCell``, by the torchscript exporter: its conversion fails
  ("expected node type prim::ListConstruct"). So ``generator_loop`` has a cell written by hand.

What was exported, but not as asked (``index.txt`` marks these files):

- The dynamo exporter fixes the time of recurrent layers that are *time-major*, although the model
  declares it open: a Reshape to the number of steps at export is in the graph. Such a model runs
  only with that number of steps; its second inputs differ in the batch. Batch-first layers come
  out right.
- The dynamo exporter has no operator for RNN with tanh or ReLU: it unrolls them, over a sequence
  of tensors when the time is open. The number of steps is fixed there too: fewer steps fail, and
  of more steps only the first seven are computed.
"""

import argparse
import contextlib
import io
import logging
import multiprocessing
import re
import sys
import warnings
import zlib
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from models import CASES, Case

HERE = Path(__file__).parent
FIRST, SECOND = (7, 3), (5, 4)
"""Steps and sequences of the first inputs, and of the second ones where axes are open."""


class Refused(Exception):
    """An export that fails, or that gives something else than PyTorch does."""


def clean(message) -> None:
    """Remove notes from a protobuf message, at any depth: they name folders of this machine."""
    for descriptor, value in list(message.ListFields()):
        if descriptor.name in ("doc_string", "metadata_props"):
            message.ClearField(descriptor.name)
        elif descriptor.message_type is not None:
            for item in value if hasattr(value, "__len__") else [value]:
                clean(item)


def export(case: Case, module: torch.nn.Module, inputs: tuple, how: str) -> onnx.ModelProto:
    """Export by one of the two exporters, with fixed or open axes."""
    exporter, shapes = how.split("-")
    open_axes = shapes == "dynamic"
    target = io.BytesIO()
    common = {"input_names": case.names, "output_names": case.outputs, "verbose": False}
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        if exporter == "torchscript":
            axes = {n: a for n, a in case.axes.items() if a} | case.options.get("open_outputs", {})
            torch.onnx.export(
                module,
                inputs,
                target,
                dynamo=False,
                opset_version=case.options.get("opset", 17),
                dynamic_axes=axes if open_axes else None,
                **common,
            )
        else:
            # Some layers fix the time while they are traced: then the exporter may choose.
            for dim in (torch.export.Dim.DYNAMIC, torch.export.Dim.AUTO) if open_axes else (None,):
                by_input = tuple(dict.fromkeys(case.axes[name], dim) for name in case.names)
                # A module that takes *state has one argument more in the eyes of the exporter.
                if len(by_input) > 1 and "state" in module.forward.__code__.co_varnames:
                    by_input = (by_input[0], by_input[1:])
                try:
                    program = torch.onnx.export(
                        module,
                        inputs,
                        dynamo=True,
                        dynamic_shapes=by_input if dim else None,
                        opset_version=case.options.get("opset"),
                        optimize=case.options.get("optimize", True),
                        **common,
                    )
                    break
                except torch.onnx.OnnxExporterError:
                    if dim is not torch.export.Dim.DYNAMIC:
                        raise
            program.save(target)
    model = onnx.load_from_string(target.getvalue())
    clean(model)
    onnx.checker.check_model(model, full_check=True)
    return model


def fits(model: onnx.ModelProto, names: list[str], inputs: tuple) -> bool:
    """Tell whether the model declares shapes that admit these inputs."""
    declared = {value.name: value.type.tensor_type.shape.dim for value in model.graph.input}
    return all(
        dim.dim_param or not dim.HasField("dim_value") or dim.dim_value == size
        for name, value in zip(names, inputs, strict=True)
        if name in declared
        for dim, size in zip(declared[name], value.shape, strict=True)
    )


def compare(
    case: Case, module: torch.nn.Module, session, inputs: tuple, number: str
) -> dict[str, np.ndarray]:
    """Run PyTorch and ONNX Runtime on the same inputs; return the arrays to keep."""
    with torch.no_grad():
        expected = module(*inputs)
    expected = expected if isinstance(expected, (tuple, list)) else (expected,)
    feeds = {name: value.numpy() for name, value in zip(case.names, inputs, strict=True)}
    used = {value.name for value in session.get_inputs()}
    actual = session.run(case.outputs, {name: feeds[name] for name in used})
    kept = {f"in{number}:{name}": value for name, value in feeds.items()}
    for name, want, got in zip(case.outputs, expected, actual, strict=True):
        if want.numpy().shape != got.shape or want.numpy().dtype != got.dtype:
            raise Refused(f"{name} comes out as {got.dtype}{got.shape}, not {tuple(want.shape)}")
        error = float(np.abs(want.numpy().astype(np.float64) - got).max(initial=0))
        if error > 1e-5:
            raise Refused(f"{name} differs from PyTorch by {error:.2g}")
        kept[f"out{number}:{name}"] = want.numpy()
    return kept


def make(name: str, how: str, out: Path) -> str:
    """Export one case in one way, verify it, write it; return a line about it."""
    case = CASES[name]
    torch.manual_seed(zlib.crc32(name.encode()))
    module = case.make().eval()
    inputs = case.inputs(*FIRST)
    sizes = (SECOND, (FIRST[0], SECOND[1]), (SECOND[0], FIRST[1]))
    second = [case.inputs(*size) for size in sizes]
    model = export(case, module, inputs, how)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    arrays = compare(case, module, session, inputs, "")
    note = ""
    if how.endswith("dynamic"):
        broken = False
        for other, fixed in zip(second, ("", "time fixed", "batch fixed"), strict=True):
            if not fits(model, case.names, other):
                continue
            try:
                arrays |= compare(case, module, session, other, "2")
                note = fixed
                break
            except Exception as error:
                print(f"{name}-{how} fails on a second size: {reason(error)}", file=sys.stderr)
                broken = True
        else:
            raise Refused("no axis is open, though open ones were asked for")
        note += ", though declared open" if broken else ""
    path = out / f"{name}-{how}.onnx"
    onnx.save(model, path)
    np.savez_compressed(path.with_suffix(".npz"), **arrays)
    operators = Counter(f"{node.domain}:{node.op_type}".removeprefix(":") for node in nodes(model))
    versions = " ".join(f"{o.domain or 'ai.onnx'}:{o.version}" for o in model.opset_import)
    listed = " ".join(f"{name}*{n}" if n > 1 else name for name, n in sorted(operators.items()))
    return f"{path.name} | {versions} | {note or '-'} | {listed}"


def attempt(name: str, how: str, out: Path) -> tuple[bool, str]:
    """Make one case; return whether it came out, and a line about it."""
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    try:
        return True, make(name, how, out)
    except Exception as error:
        return False, f"{name}-{how}: {type(error).__name__}: {reason(error)}"


def reason(error: Exception) -> str:
    """Return the line of an error that says why: PyTorch's exporter hides it behind advice."""
    text = str(error).strip()
    if "## Exception summary" in text:
        text = text.split("## Exception summary")[1].split("(Refer to")[0].strip()
    return " ".join(text.split())[:300]


def nodes(model: onnx.ModelProto):
    """Yield every node of a model, those of sub-graphs and functions too."""
    pending = [model.graph, *model.functions]
    while pending:
        graph = pending.pop()
        for node in graph.node:
            yield node
            pending += [a.g for a in node.attribute if a.HasField("g")]


def main() -> None:
    """Read the command line, make every file, list what was refused."""
    parser = argparse.ArgumentParser(description="Make the models of this folder.")
    parser.add_argument("--out", type=Path, default=HERE, help="where the files go (default: here)")
    parser.add_argument("--only", default="", help="a regular expression that picks files by name")
    parser.add_argument("--jobs", type=int, default=1, help="processes side by side")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    chosen = [(n, h) for n, case in CASES.items() for h in case.exports]
    chosen = [(n, h) for n, h in chosen if re.search(args.only, f"{n}-{h}")]
    # What torch.export does depends on what the process exported before: after fixed axes,
    # open ones are refused. So each export has a process of its own.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(args.jobs, mp_context=context, max_tasks_per_child=1) as pool:
        apart = [(n, h) for n, h in chosen if h.startswith("dynamo")]
        pending = [pool.submit(attempt, n, h, args.out) for n, h in apart]
        results = [attempt(n, h, args.out) for n, h in chosen if (n, h) not in apart]
        results += [job.result() for job in pending]
    made, refused = [[line for good, line in results if good is want] for want in (True, False)]
    print(*sorted(made), sep="\n")
    print(f"{len(made)} made, {len(refused)} refused:", *refused, sep="\n  ")
    if not args.only:
        text = "".join(f"{line}\n" for line in sorted(made))
        (args.out / "index.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
