"""The npu dialect: operations over buffers in named memories, one to one with instructions.

Only registers and addresses are not numbers yet. Program order is the semantics; the
hardware interlocks on overlapping memory ranges, so order and buffers decide the overlap
of the engines and nothing else. Loops carry no values: state lives in buffers.

Parts: `_npu_types` (buffer, view, reg), `_npu_memory` and `_npu_view` (storage, windows),
`_npu_instruction` (what instructions share; `_npu_text` its syntax), `_npu_move` (matrix, dma),
`_npu_elementwise` and `_npu_reduce` (vector), `_npu_register` and `_npu_control` (scalars, loops,
branches), `_npu_canonicalize` (patterns).
"""

from __future__ import annotations

from xdsl.ir import Dialect

from rnncc.dialects._npu_control import BreakOp, IfOp, LoopOp
from rnncc.dialects._npu_elementwise import BinaryOp, CompareOp, ConvertOp, SelectOp, UnaryOp
from rnncc.dialects._npu_instruction import InstructionOp
from rnncc.dialects._npu_memory import PERSISTENT, AllocOp, ConstOp, InputOp, OutputOp
from rnncc.dialects._npu_move import DmaOp, GatherOp, MmOp
from rnncc.dialects._npu_number import number_value
from rnncc.dialects._npu_reach import (
    address_range,
    buffer_of,
    element_of,
    index_limit,
    static_span,
    strides_of,
)
from rnncc.dialects._npu_reduce import ArgReduceOp, FillOp, IotaOp, ReduceOp
from rnncc.dialects._npu_register import ImmediateOp, LengthOp, ReadOp, ScalarOp
from rnncc.dialects._npu_span import byte_size, constant_span, widest_float
from rnncc.dialects._npu_types import (
    MEMORIES,
    REG,
    BufferType,
    DramResource,
    RegType,
    ViewType,
    VmemResource,
    WmemResource,
    memory_of,
    row_major,
)
from rnncc.dialects._npu_view import ViewOp
from rnncc.dialects._weights import array_of

__all__ = [
    "MEMORIES",
    "NPU",
    "PERSISTENT",
    "REG",
    "AllocOp",
    "ArgReduceOp",
    "BinaryOp",
    "BreakOp",
    "BufferType",
    "CompareOp",
    "ConstOp",
    "ConvertOp",
    "DmaOp",
    "DramResource",
    "FillOp",
    "GatherOp",
    "IfOp",
    "ImmediateOp",
    "InputOp",
    "InstructionOp",
    "IotaOp",
    "LengthOp",
    "LoopOp",
    "MmOp",
    "OutputOp",
    "ReadOp",
    "ReduceOp",
    "RegType",
    "ScalarOp",
    "SelectOp",
    "UnaryOp",
    "ViewOp",
    "ViewType",
    "VmemResource",
    "WmemResource",
    "address_range",
    "array_of",
    "buffer_of",
    "byte_size",
    "constant_span",
    "element_of",
    "index_limit",
    "memory_of",
    "number_value",
    "row_major",
    "static_span",
    "strides_of",
    "widest_float",
]

NPU = Dialect(
    "npu",
    [
        AllocOp,
        ConstOp,
        InputOp,
        OutputOp,
        ViewOp,
        ImmediateOp,
        LengthOp,
        ScalarOp,
        ReadOp,
        LoopOp,
        IfOp,
        BreakOp,
        DmaOp,
        GatherOp,
        MmOp,
        UnaryOp,
        BinaryOp,
        CompareOp,
        SelectOp,
        ConvertOp,
        FillOp,
        IotaOp,
        ReduceOp,
        ArgReduceOp,
    ],
    [BufferType, ViewType, RegType],
)
"""The dialect: what `rnncc opt` and the xDSL plug-in register."""
