"""The attributes by which `place-memory` and `tile-for-machine` tell `lower-to-npu` what they chose."""

from __future__ import annotations

from xdsl.dialects.builtin import ArrayAttr, DenseArrayBase, IntegerAttr, StringAttr
from xdsl.ir import BlockArgument, Operation, OpResult, SSAValue

MEMORY_ATTR = "npu.memory"
"""On an operation or function: the memory of each result or argument (`place-memory`)."""
WEIGHTS_ATTR = "npu.weights"
"""On a product: ``resident`` or ``streamed`` weights (`place-memory`)."""
KEPT_ATTR = "npu.kept"
"""On a product with streamed weights in a loop: rows of them that stay (`place-memory`)."""
PANEL_ATTR = "npu.panel"
"""On a product with streamed weights in a loop: rows of a panel; on one with resident weights: rows of a piece
(`place-memory`)."""
SHARED_ATTR = "npu.shared"
"""On products whose weights take turns in one part of the weight memory: its elements, the first one of this product's
weights, and the rows of one transfer (`place-memory`)."""
ROOM_ATTR = "npu.room"
"""On a product with streamed weights: bytes of weight memory for its panels (`place-memory`)."""
PANELS_ATTR = "npu.panels"
"""On a product with streamed weights: panels in the weight memory at once, where not 2 (`place-memory`,
`tile-for-machine`)."""
PIECE_ATTR = "npu.piece"
"""On a convolution with streamed weights: the longest k of a panel, where that is cut (`tile-for-machine`)."""
TILE_ATTR = "npu.tile"
"""On a product [m, n, k], elsewhere one number a dimension: the largest block (`tile-for-machine`)."""
OUTER_ATTR = "npu.outer"
"""On a tiled product: the loop that is outermost, ``m`` or ``n`` (`tile-for-machine`)."""
EPILOGUE_ATTR = "npu.epilogue"
"""On a product, a convolution or what follows it: the one reader works on each block, in place (`place-memory`)."""
ACCUMULATE_ATTR = "npu.accumulate"
"""On a product: the sum that alone reads it is made by adding to what is there (`accumulate-products`)."""
STREAM_ATTR = "npu.stream"
"""On a scan: arguments that only such scans read come step by step, even if they fit (`accumulate-products`)."""
FORM_ATTR = "npu.form"
"""On a convolution: its form (`conv_form`), as text (`tile-for-machine`)."""


def memory_of_value(value: SSAValue) -> str:
    """The memory that `place-memory` chose for a value; vector memory without a choice."""
    if isinstance(value, OpResult):
        choice = value.op.attributes.get(MEMORY_ATTR)
        index = value.index
    else:
        assert isinstance(value, BlockArgument)
        parent = value.block.parent_op()
        choice = parent.attributes.get(MEMORY_ATTR) if parent is not None else None
        index = value.index
        if parent is not None and parent.name != "func.func":
            return "vmem"
    if isinstance(choice, ArrayAttr):
        entry = choice.data[index]
        assert isinstance(entry, StringAttr)
        return entry.data
    return "vmem"


def kept_of(op: Operation) -> int:
    """Rows of streamed weights that stay in the weight memory."""
    kept = op.attributes.get(KEPT_ATTR)
    return kept.value.data if isinstance(kept, IntegerAttr) else 0


def panels_of(op: Operation) -> int:
    """Panels of streamed weights in the weight memory at once."""
    panels = op.attributes.get(PANELS_ATTR)
    return panels.value.data if isinstance(panels, IntegerAttr) else 2


def shared_of(op: Operation) -> tuple[int, int, int] | None:
    """Elements of the part of the weight memory that weights share, the first one of these, rows of a transfer."""
    shared = op.attributes.get(SHARED_ATTR)
    if not isinstance(shared, DenseArrayBase):
        return None
    size, first, rows = (int(v) for v in shared.get_values())
    return size, first, rows


def piece_of(op: Operation) -> int:
    """The longest k of a panel of streamed weights; 0 for the whole."""
    piece = op.attributes.get(PIECE_ATTR)
    return piece.value.data if isinstance(piece, IntegerAttr) else 0


def tile_of(op: Operation) -> tuple[int, ...] | None:
    """The block that `tile-for-machine` chose for an operation."""
    tile = op.attributes.get(TILE_ATTR)
    return tuple(int(v) for v in tile.get_values()) if isinstance(tile, DenseArrayBase) else None
