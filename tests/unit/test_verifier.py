"""Dominance, which xDSL's own verification leaves out."""

import pytest
from xdsl.parser import Parser
from xdsl.utils.exceptions import VerifyException

from rnncc.universe import make_context
from rnncc.verifier import verify_module


def test_use_before_definition_is_found():
    text = """
    "test.op"(%0) : (i32) -> ()
    %0 = "test.op"() : () -> i32
    """
    module = Parser(make_context(), text).parse_module()
    module.verify()
    with pytest.raises(VerifyException, match="operand 0"):
        verify_module(module)


def test_values_of_outer_blocks_are_visible_and_inner_ones_are_not():
    text = """
    %0 = "test.op"() : () -> i32
    "test.op"() ({ "test.termop"(%0) : (i32) -> () }) : () -> ()
    """
    module = Parser(make_context(), text).parse_module()
    verify_module(module)
