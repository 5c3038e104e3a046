// RUN: rnncc opt %s -p schedule | filecheck %s
// RUN: rnncc opt %s -p "schedule{policy=none}" | filecheck %s --check-prefix=NONE

// The loads come first, so that they overlap with the arithmetic; dependences stay.
// CHECK-LABEL: func.func @main
// NONE-LABEL: func.func @main
func.func @main() {
  %x = npu.input "x" 0 : !npu.buffer<4096xf32, dram>
  %y = npu.output "y" 0 : !npu.buffer<4096xf32, dram>
  %a = npu.alloc "a" : !npu.buffer<4096xf32, vmem>
  %b = npu.alloc "b" : !npu.buffer<4096xf32, vmem>
  %xv = npu.view %x [0, 0, 1] : !npu.buffer<4096xf32, dram>
  %yv = npu.view %y [0, 0, 1] : !npu.buffer<4096xf32, dram>
  %av = npu.view %a [0, 0, 1] : !npu.buffer<4096xf32, vmem>
  %bv = npu.view %b [0, 0, 1] : !npu.buffer<4096xf32, vmem>
  // CHECK: npu.dma %bv, %xv
  // CHECK: npu.fill %av [1, 1, 4096] value 1.0
  // CHECK: npu.unary tanh %av, %av
  // CHECK: npu.binary add %av, %av, %bv
  // CHECK: npu.dma %yv, %av
  // NONE: npu.fill
  // NONE-NEXT: npu.unary
  // NONE-NEXT: npu.dma
  npu.fill %av [1, 1, 4096] value 1.0 : !npu.view<f32, vmem>
  npu.unary tanh %av, %av [1, 1, 4096] : !npu.view<f32, vmem>, !npu.view<f32, vmem>
  npu.dma %bv, %xv [1, 1, 4096] : !npu.view<f32, vmem>, !npu.view<f32, dram>
  npu.binary add %av, %av, %bv [1, 1, 4096] : !npu.view<f32, vmem>, !npu.view<f32, vmem>, !npu.view<f32, vmem>
  npu.dma %yv, %av [1, 1, 4096] : !npu.view<f32, dram>, !npu.view<f32, vmem>
  func.return
}
