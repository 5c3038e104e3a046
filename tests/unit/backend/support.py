"""What the tests of the back end share."""

from xdsl.parser import Parser

from rnncc.universe import make_context

STEPS = """
func.func @main() attributes {rnncc.symbols = {T = 6 : i64}} {
  %x = npu.input "x" 0 symbols ["T", ""] : !npu.buffer<6x4xf32, dram>
  %w = npu.input "w" 1 : !npu.buffer<4x4xf32, dram>
  %y = npu.output "y" 0 symbols ["T", ""] : !npu.buffer<6x4xf32, dram>
  %best = npu.output "best" 1 : !npu.buffer<1xi64, dram>
  %n = npu.length "T"
  %xs = npu.alloc "xs" : !npu.buffer<6x4xf32, vmem>
  %h = npu.alloc "h" : !npu.buffer<4xf32, vmem>
  %m = npu.alloc "m" : !npu.buffer<4x4xf32, wmem>
  %p = npu.alloc "p" : !npu.buffer<1xi64, vmem>
  %xv = npu.view %x [0, 4, 1] : !npu.buffer<6x4xf32, dram>
  %xsv = npu.view %xs [0, 4, 1] : !npu.buffer<6x4xf32, vmem>
  npu.dma %xsv, %xv [1, 1 * %n, 4] : !npu.view<f32, vmem>, !npu.view<f32, dram>
  %wv = npu.view %w [0, 4, 1] : !npu.buffer<4x4xf32, dram>
  %mv = npu.view %m [0, 4, 1] : !npu.buffer<4x4xf32, wmem>
  npu.dma %mv, %wv [1, 4, 4] : !npu.view<f32, wmem>, !npu.view<f32, dram>
  %hv = npu.view %h [0, 1, 1] : !npu.buffer<4xf32, vmem>
  npu.fill %hv [1, 1, 4] value 0.0 : !npu.view<f32, vmem>
  npu.loop %i = %n max 6 {
    %xi = npu.view %xs[%i * 4] [0, 1, 1] : !npu.buffer<6x4xf32, vmem>
    npu.mm %xi, %hv, %mv [1, 4, 4] accumulate : !npu.view<f32, vmem>, !npu.view<f32, vmem>, !npu.view<f32, wmem>
    npu.unary tanh %hv, %xi [1, 1, 4] : !npu.view<f32, vmem>, !npu.view<f32, vmem>
    %yi = npu.view %y[%i * 4] [0, 1, 1] : !npu.buffer<6x4xf32, dram>
    npu.dma %yi, %hv [1, 1, 4] : !npu.view<f32, dram>, !npu.view<f32, vmem>
  }
  %pv = npu.view %p [0, 1, 1] : !npu.buffer<1xi64, vmem>
  npu.argreduce argmax %pv, %hv [1, 1, 4] : !npu.view<i64, vmem>, !npu.view<f32, vmem>
  %r = npu.read %pv : !npu.view<i64, vmem>
  npu.if %r {
    npu.fill %pv [1, 1, 1] value 7 : !npu.view<i64, vmem>
  } else {
    npu.fill %pv [1, 1, 1] value -7 : !npu.view<i64, vmem>
  }
  %bv = npu.view %best [0, 1, 1] : !npu.buffer<1xi64, dram>
  npu.dma %bv, %pv [1, 1, 1] : !npu.view<i64, dram>, !npu.view<i64, vmem>
  func.return
}
"""


def parse(text):
    module = Parser(make_context(), text).parse_module()
    module.verify()
    return module
