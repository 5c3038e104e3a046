"""Moving the body of an ONNX Scan or Loop into an rnn.scan or rnn.while."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import Attribute, Block, BlockArgument, SSAValue
from xdsl.rewriter import InsertPoint

from rnncc.dialects._types import copy_node, node_name, shape_of, tensor_type, type_of
from rnncc.dialects.onnx import OnnxOp
from rnncc.dialects.rnn import INDEX, ScanOp, WhileOp, YieldOp, slice_type
from rnncc.errors import DynamicTimeError, ModelError, RnnccError, UnsupportedError
from rnncc.passes._convert_cells import replace
from rnncc.passes._emit import Emitter


class Body:
    """The body of an ONNX Scan or Loop on its way to becoming the step of an rnn.scan or rnn.while."""

    def __init__(self, op: OnnxOp, block: Block):
        self.op, self.block = op, block
        self.arguments = list(block.args)
        last = block.last_op
        assert last is not None
        self.yielded = list(last.operands)

    def scan(
        self,
        emit: Emitter,
        inputs: Sequence[SSAValue],
        inits: Sequence[SSAValue],
        *,
        steps: int,
        symbol: str,
        arguments: tuple[Sequence[BlockArgument], Sequence[BlockArgument]],
        yielded: Sequence[SSAValue],
        index: BlockArgument | None = None,
        run: SSAValue | None = None,
        input_reverse: Sequence[bool] | None = None,
        output_reverse: Sequence[bool] | None = None,
    ) -> ScanOp:
        """Move the body into a new scan.

        Args:
            arguments: the body's arguments for the slices and for the states.
            yielded: the new states, then the outputs' slices.
            index: the body's argument for the step number.
            run: the run-time number of steps.
        """
        slices = [slice_type(v.type, steps, symbol) for v in inputs]
        kinds = [INDEX, *slices, *(v.type for v in inits)]
        block = self.moved(kinds, [index, *arguments[0], *arguments[1]], inits, yielded)
        scan = ScanOp.make(
            inputs,
            inits,
            block,
            max_steps=steps,
            symbol=symbol,
            steps=run,
            input_reverse=input_reverse,
            output_reverse=output_reverse,
        )
        emit.add(scan)
        return scan

    def loop(
        self,
        emit: Emitter,
        condition: SSAValue,
        inits: Sequence[SSAValue],
        *,
        most: int,
        run: SSAValue | None,
        index: BlockArgument,
        arguments: Sequence[BlockArgument],
        again: SSAValue,
        yielded: Sequence[SSAValue],
    ) -> WhileOp:
        """Move the body into a new while, which carries the condition as its first state.

        Args:
            condition: whether there is a first iteration, an i1 without dimensions.
            most: the largest number of iterations.
            run: the run-time number of them.
            again: whether the body asks for another iteration.
            yielded: the new states, then the outputs' slices.
        """
        if shape_of(again):
            end = Emitter(self.op, InsertPoint.at_end(self.block))
            last = self.block.last_op
            assert last is not None
            end.place = InsertPoint.before(last)
            again = end.reshape(again, (), ())
        inits = [condition, *inits]
        kinds = [INDEX, *(v.type for v in inits)]
        block = self.moved(kinds, [index, None, *arguments], inits, [again, *yielded])
        test = Block(arg_types=kinds)
        test.add_op(YieldOp(test.args[1]))
        loop = WhileOp.make(inits, test, block, max_steps=most, steps=run)
        emit.add(loop)
        return loop

    def moved(
        self,
        kinds: Sequence[Attribute],
        old: Sequence[BlockArgument | None],
        inits: Sequence[SSAValue],
        yielded: Sequence[SSAValue],
    ) -> Block:
        """The body as a block whose arguments have these types.

        Args:
            old: the body's arguments for them, None where it has none.
            inits: the states before the first step.
            yielded: the new states, then the outputs' slices.
        """
        block = Block(arg_types=kinds)
        if len(old) != len(kinds):
            raise error(self.op, "its body does not take as many values as it is given")
        replaced: dict[SSAValue, SSAValue] = {}
        for argument, new in zip(old, block.args, strict=True):
            if argument is None:
                continue
            what = f"its body takes {argument.type} for a value of type {new.type}"
            shape = tensor_type(type_of(argument).element_type, shape_of(argument))
            if shape != tensor_type(type_of(new).element_type, shape_of(new)):
                raise error(self.op, what, UnsupportedError)
            if argument.type != new.type:
                raise error(self.op, what, DynamicTimeError)
            new.name_hint = argument.name_hint
            argument.replace_all_uses_with(new)
            replaced[argument] = new
        last = self.block.last_op
        assert last is not None
        end = YieldOp(*(replaced.get(v, v) for v in yielded))
        copy_node(self.op, end)
        last.detach()
        last.erase()
        for inner in list(self.block.ops):
            inner.detach()
            block.add_op(inner)
        block.add_op(end)
        for init, value in zip(inits, end.arguments, strict=False):
            if init.type != value.type:
                what = f"a state of type {init.type} becomes one of type {value.type}"
                same = shape_of(init) == shape_of(value)
                raise error(self.op, what, DynamicTimeError if same else UnsupportedError)
        return block


def error(op: OnnxOp, text: str, kind: type[RnnccError] = ModelError) -> RnnccError:
    """An error that names the node."""
    return kind(f"{op.name.removeprefix('onnx.')} node '{node_name(op)}': {text}")


def finish(op: OnnxOp, results: Sequence[SSAValue]) -> None:
    """Let everybody read the new values instead of the results, and erase the operation."""
    for old, new in zip(op.outputs_by_position(), results, strict=False):
        if old is not None:
            replace(old, new)
    op.detach()
    op.erase()
