// RUN: rnncc opt %s -p schedule --split-input-file | filecheck %s
// RUN: rnncc opt %s -p "schedule{policy=list}" --split-input-file | filecheck %s --check-prefix=LIST

// The row of the next turn is loaded beside the work of this one, into the other of two buffers. A
// run-time count may be 0: the last turn is a loop of at most one; the first load alone harms nobody.
// CHECK-LABEL: func.func @main
// CHECK-SAME: is pipelined: {{[0-9]+}} cycles a turn instead of {{[0-9]+}} (at least {{[0-9]+}}, {{.*}} binds)
// CHECK: [[ROWS:%.+]] = npu.alloc "row" : !npu.buffer<2x4096xf32, vmem>
// CHECK: npu.dma
// CHECK: npu.loop [[I:%.+]] = {{%.+}} max 8 {
// CHECK: npu.view [[ROWS]]{{\[}}[[P:%.+]] * -4096] + 4096
// CHECK: npu.view {{%.+}}{{\[}}[[I]] * 4096] + 4096
// CHECK: npu.dma
// CHECK: npu.view [[ROWS]]{{\[}}[[P]] * 4096]
// CHECK: npu.binary add
// CHECK: } attributes {rnncc.kernel = {{[0-9]+}} : i64}
// CHECK: npu.loop {{%.+}} = {{%.+}} max 1 {
// CHECK-NOT: npu.dma
// CHECK: npu.binary add
// LIST-LABEL: func.func @main
// LIST-NOT: rnncc.kernel
// LIST: npu.loop {{%.+}} = {{%.+}} max 9 {
func.func @main() attributes {rnncc.symbols = {T = 9 : i64}} {
  %x = npu.input "x" 0 symbols ["T", ""] : !npu.buffer<9x4096xf32, dram>
  %y = npu.output "y" 0 : !npu.buffer<4096xf32, dram>
  %n = npu.length "T"
  %row = npu.alloc "row" : !npu.buffer<4096xf32, vmem>
  %sum = npu.alloc "sum" : !npu.buffer<4096xf32, vmem>
  %rv = npu.view %row [0, 0, 1] : !npu.buffer<4096xf32, vmem>
  %sv = npu.view %sum [0, 0, 1] : !npu.buffer<4096xf32, vmem>
  npu.fill %sv [1, 1, 4096] value 0.0 : !npu.view<f32, vmem>
  npu.loop %i = %n max 9 {
    %xi = npu.view %x[%i * 4096] [0, 0, 1] : !npu.buffer<9x4096xf32, dram>
    npu.dma %rv, %xi [1, 1, 4096] : !npu.view<f32, vmem>, !npu.view<f32, dram>
    npu.binary add %sv, %sv, %rv [1, 1, 4096] : !npu.view<f32, vmem>, !npu.view<f32, vmem>, !npu.view<f32, vmem>
    npu.unary tanh %sv, %sv [1, 1, 4096] : !npu.view<f32, vmem>, !npu.view<f32, vmem>
    npu.unary exp %sv, %sv [1, 1, 4096] : !npu.view<f32, vmem>, !npu.view<f32, vmem>
  }
  %yv = npu.view %y [0, 0, 1] : !npu.buffer<4096xf32, dram>
  npu.dma %yv, %sv [1, 1, 4096] : !npu.view<f32, dram>, !npu.view<f32, vmem>
  func.return
}

// -----

// A loop that may end before its count is left alone.
// CHECK-LABEL: func.func @main
// CHECK-NOT: rnncc.kernel
// CHECK: npu.loop {{%.+}} = 9 {
func.func @main() {
  %x = npu.input "x" 0 : !npu.buffer<9x4096xf32, dram>
  %y = npu.output "y" 0 : !npu.buffer<9x4096xf32, dram>
  %row = npu.alloc "row" : !npu.buffer<4096xf32, vmem>
  %rv = npu.view %row [0, 0, 1] : !npu.buffer<4096xf32, vmem>
  npu.loop %i = 9 {
    %xi = npu.view %x[%i * 4096] [0, 0, 1] : !npu.buffer<9x4096xf32, dram>
    npu.dma %rv, %xi [1, 1, 4096] : !npu.view<f32, vmem>, !npu.view<f32, dram>
    %r = npu.read %rv : !npu.view<f32, vmem>
    npu.break %r
    npu.unary tanh %rv, %rv [1, 1, 4096] : !npu.view<f32, vmem>, !npu.view<f32, vmem>
    %yi = npu.view %y[%i * 4096] [0, 0, 1] : !npu.buffer<9x4096xf32, dram>
    npu.dma %yi, %rv [1, 1, 4096] : !npu.view<f32, dram>, !npu.view<f32, vmem>
  }
  func.return
}
