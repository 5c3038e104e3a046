"""How a convolution becomes products: the forms, what each takes, and which is cheapest.

Every form puts the block's input channel-last into vector memory, padded, so that neighbouring elements
of a window's row are one run: a row of the kernel times the channels is one k without any copy, and the
kernel's rows are products that accumulate, each over the same data from another row on (a *shifted*
product: no im2col). What differs:

* ``columns``: the kernel's rows are copied side by side as well, so that one product has them all in k.
  That is kernel-rows/stride copies of the input (a whole im2col would be kernel-rows x kernel-columns),
  and wins where channels are few: 7 x 7 on 3 channels is one k of 147 in 3 native tiles of 64
  instead of 7 of 21 in a tile each.
* ``row``: one product for each row of pixels; nothing superfluous is computed. A product pays the pipeline's depth
  (and on a systolic array the weights' way in) for as many pixels as a row has.
* ``frame``: one product for all rows of a frame; the pixels between the last window of a row and the
  first of the next are computed too and dropped.
* ``batch``: one product for all frames, with the rows between two frames as well.
* ``vector``: for one channel a group (depthwise) a product would use one column of the matrix engine:
  multiply and add on the vector engine instead.

The cycles of each come from the machine's cost functions; those that come near the least are lowered and timed
(`_conv_trial`), because what it takes to stage the input is more than a formula says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from rnncc.cost import cost, work
from rnncc.errors import PassError
from rnncc.machine import MachineDescription
from rnncc.passes._lower.window import Axis

SPANS = ("row", "frame", "batch", "vector")


@dataclass(frozen=True)
class Form:
    """One way to compute a convolution."""

    span: str = "row"
    """What one product covers: ``row``, ``frame`` or ``batch``; or ``vector``."""
    columns: bool = False
    """Whether the kernel's rows are copied side by side."""

    @property
    def text(self) -> str:
        """As an attribute: ``row``, ``row columns``, ..."""
        return f"{self.span} columns" if self.columns else self.span

    @staticmethod
    def read(text: str) -> Form:
        """The inverse of `text`; PassError when it is none."""
        span, _, rest = text.partition(" ")
        if span not in SPANS or rest not in ("", "columns"):
            raise PassError(f"a convolution has no form '{text}' (npu.form)")
        return Form(span, rest == "columns")


@dataclass(frozen=True)
class Shape:
    """One block of a convolution: `frames` of `rows` (a row of Axis) by columns, one depth at a time.

    All sizes count elements.
    """

    form: Form
    frames: int
    rows: Axis
    columns: Axis
    planes: int
    """Kernel elements along the depth."""
    inner: int
    """Channels a group."""
    outer: int
    """Results a group."""
    groups: int

    @property
    def width(self) -> int:
        """Columns of the padded input, a whole number of strides."""
        return ceil(self.columns.span / self.columns.stride) * self.columns.stride

    @property
    def pitch(self) -> int:
        """Pixels from a row of the result to the next in a product that covers both."""
        return self.width // self.columns.stride

    @property
    def phases(self) -> tuple[int, ...]:
        """Rows of the padded input modulo the stride that the kernel's rows begin at."""
        if self.form.columns:
            return (0,)
        axis = self.rows
        return tuple(sorted({k * axis.dilation % axis.stride for k in range(axis.kernel)}))

    @property
    def height(self) -> int:
        """Rows of one phase of the padded input."""
        if self.form.columns:
            return self.rows.count
        return self.rows.count + (self.rows.reach - 1) // self.rows.stride

    @property
    def depth(self) -> int:
        """Elements of one pixel of the padded input."""
        return self.inner * (self.rows.kernel if self.form.columns else 1)

    @property
    def dense(self) -> bool:
        """Whether a window's columns are one run, so that they are in k together."""
        return self.columns.kernel == 1 or self.columns.dilation == 1

    @property
    def k(self) -> int:
        """Length of one product."""
        return self.depth * (self.columns.kernel if self.dense else 1)

    @property
    def terms(self) -> int:
        """Products that accumulate."""
        down = 1 if self.form.columns else self.rows.kernel
        return self.planes * down * (1 if self.dense else self.columns.kernel)

    @property
    def input(self) -> int:
        """Elements of the padded input; the last windows of dropped pixels need one frame's rest more."""
        frame = self.height * self.width * self.depth
        slack = 0 if self.form.span in ("row", "vector") else self.tail
        return self.groups * self.planes * len(self.phases) * (self.frames * frame + slack)

    @property
    def tail(self) -> int:
        """Elements behind the last frame that dropped pixels read."""
        return (self.height - self.rows.count + 1) * self.width * self.depth

    @property
    def output(self) -> int:
        """Elements of the block of results with the dropped pixels."""
        rows = self.height if self.form.span == "batch" else self.rows.count
        columns = self.columns.count if self.form.span in ("row", "vector") else self.pitch
        return self.frames * rows * columns * self.outer * self.groups

    def products(self) -> tuple[int, int]:
        """How many products each term and group takes, and the pixels of each."""
        rows, columns = self.rows.count, self.columns.count
        if self.form.span == "batch":
            return 1, self.frames * self.height * self.pitch
        if self.form.span == "frame":
            return self.frames, (rows - 1) * self.pitch + columns
        if self.pitch == columns:
            return self.frames, rows * columns
        return self.frames * rows, columns


def sums_apart(shape: Shape) -> bool:
    """Whether several instructions make one sum, so that short floats are summed in f32 and rounded at the end."""
    return shape.form.span == "vector" or shape.terms > 1


def cycles(machine: MachineDescription, shape: Shape, element: str) -> int:
    """Estimated cycles of one block: input staged, products, dropped pixels taken out, one after the other."""

    def taken(op: str, kind: str, extents: tuple[int, int, int], operands: list) -> int:
        return cost(machine, work(machine, op, kind, extents, operands)).busy

    def moved(op: str, kind: str, count: int, repeat: int = 2) -> int:
        line = ("vmem", element, (0, 0, 1))
        return taken(op, kind, (1, 1, count), [line] * repeat)

    total = moved("dma", "", max(1, shape.input))
    issue = machine.control.dispatch_cycles + machine.control.loop_cycles
    vector = shape.form.span == "vector"
    if element in ("f16", "bf16") and sums_apart(shape):
        total += moved("convert", "", shape.output)
        if vector:
            total += moved("convert", "", max(1, shape.input))
            element = "f32"
    if vector:
        pixels = shape.frames * shape.rows.count * shape.columns.count
        each = moved("binary", "mul", pixels * shape.outer * shape.groups, 3)
        return total + 2 * shape.terms * shape.columns.kernel * (each + issue)
    count, pixels = shape.products()
    step = shape.columns.stride * shape.depth
    out = shape.outer * shape.groups
    operands = [
        ("vmem", element, (out, 1, 0)),
        ("vmem", element, (step, 0, 1)),
        ("wmem", element, (0, shape.k, 1)),
    ]
    op = "mma" if shape.terms > 1 else "mm"
    product = taken(op, "", (pixels, shape.outer, shape.k), operands)
    total += max(product, issue) * count * shape.terms * shape.groups
    if shape.form.span != "row":
        total += moved("dma", "", shape.output)
    return total


def forms(depthwise: bool) -> Iterator[Form]:
    """Every form a convolution can take."""
    for span in ("row", "frame", "batch"):
        yield Form(span)
        yield Form(span, True)
    if depthwise:
        yield Form("vector")
