"""Writes an ``.onnx`` file from ONNX's own text form, so that a lit file can hold its model.

    python onnx_text.py MODEL.test MODEL.onnx

Lines that begin with ``#`` are left out (RUN and CHECK lines are such).
"""

import sys
from pathlib import Path

import onnx.parser


def main(source: str, target: str) -> None:
    lines = Path(source).read_text().splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#"))
    Path(target).write_bytes(onnx.parser.parse_model(text).SerializeToString())


if __name__ == "__main__":
    main(*sys.argv[1:])
