"""The nn dialect: a small closed set of tensor operations with value semantics.

Everything broadcasts as in NumPy, every operation has one result and no effect, and every result
type, with the symbols of its run-time dimensions, follows from operands and properties: the
constructors infer it and the verifiers check it. ONNX operators decompose into these.
"""

from xdsl.ir import Dialect

from rnncc.dialects import _nn_build, _nn_contract, _nn_elementwise, _nn_shape, _nn_window
from rnncc.dialects._nn_base import NNOp
from rnncc.dialects._nn_build import BroadcastOp, ConcatOp, IotaOp, PadOp, ReverseSequenceOp
from rnncc.dialects._nn_constant import ConstantOp
from rnncc.dialects._nn_contract import (
    ArgReduceOp,
    MatmulOp,
    ReduceOp,
    SoftmaxOp,
)
from rnncc.dialects._nn_elementwise import (
    BinaryOp,
    CastOp,
    CompareOp,
    SelectOp,
    UnaryOp,
)
from rnncc.dialects._nn_infer_contract import ARG_KINDS, REDUCE_KINDS
from rnncc.dialects._nn_infer_elementwise import (
    ACTIVATION_KINDS,
    BINARY_KINDS,
    COMPARE_KINDS,
    UNARY_KINDS,
)
from rnncc.dialects._nn_infer_window import POOL_KINDS, Sliding
from rnncc.dialects._nn_shape import (
    DynamicSliceOp,
    DynamicUpdateOp,
    GatherOp,
    ReshapeOp,
    SliceOp,
    TransposeOp,
)
from rnncc.dialects._nn_window import ConvOp, PoolOp
from rnncc.dialects._weights import ArrayDataAttr, WeightAttr, array_of

__all__ = [
    "ACTIVATION_KINDS",
    "ARG_KINDS",
    "BINARY_KINDS",
    "COMPARE_KINDS",
    "NN",
    "POOL_KINDS",
    "REDUCE_KINDS",
    "UNARY_KINDS",
    "ArgReduceOp",
    "ArrayDataAttr",
    "BinaryOp",
    "BroadcastOp",
    "CastOp",
    "CompareOp",
    "ConcatOp",
    "ConstantOp",
    "ConvOp",
    "DynamicSliceOp",
    "DynamicUpdateOp",
    "GatherOp",
    "IotaOp",
    "MatmulOp",
    "NNOp",
    "PadOp",
    "PoolOp",
    "ReduceOp",
    "ReshapeOp",
    "ReverseSequenceOp",
    "SelectOp",
    "SliceOp",
    "Sliding",
    "SoftmaxOp",
    "TransposeOp",
    "UnaryOp",
    "WeightAttr",
    "array_of",
]

NN = Dialect(
    "nn",
    [
        ConstantOp,
        *_nn_elementwise.OPERATIONS,
        *_nn_contract.OPERATIONS,
        *_nn_shape.OPERATIONS,
        *_nn_build.OPERATIONS,
        *_nn_window.OPERATIONS,
    ],
    [ArrayDataAttr, WeightAttr],
)
