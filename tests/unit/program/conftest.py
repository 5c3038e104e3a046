"""A small program that uses segments, ports, a run-time length, a loop and a branch."""

import numpy as np
import pytest

from rnncc.isa.asm import assemble_program

TEXT = """
.machine edge
.scale wmem=2
.symbol T 25 r1
.const w f32 [4, 4] at 0x0 = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
.const big f32 [64] at 0x80
.input x f32 [T:25, 4] at 0x400
.output y f32 [T:25, 4] at 0x800 segment buffer
.work scratch f16 [8] at 0x1000
.report "{\\"pipeline\\": \\"default\\", \\"steps\\": [1, 2.5, true, null]}"
  dma f32 [1, 4, 4] wmem[0x0 : 0, 16, 4], dram[w : 0, 16, 4] @ "lstm / W"
  dma f32 [1, 1, 4*r1] vmem[0x400 : 0, 0, 4], dram[x : 0, 0, 4]
  loop r5, r1 max 25
    mm f32 [1, 4, 4] vmem[0x800 + r5*16 : 16, 4, 0], vmem[0x400 + r5*16 : 16, 0, 4], wmem[0x0 : 0, 16, 4] @ "lstm / W"
    s.lt r6, r5, 24
    beqz r6, last
    unary.tanh f32 [1, 1, 4] vmem[0x800 + r5*16 : 0, 0, 4], vmem[0x800 + r5*16 : 0, 0, 4]
  last:
  endloop
  dma f32 [1, 1, 4*r1] dram[buffer : 0, 0, 4], vmem[0x800 : 0, 0, 4] @ "y"
  halt
"""


@pytest.fixture
def text():
    return TEXT


@pytest.fixture
def constants():
    return {"big": np.arange(64, dtype=np.float32)}


@pytest.fixture
def program(constants):
    return assemble_program(TEXT, constants)
