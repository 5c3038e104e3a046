// RUN: rnncc opt %s -p allocate | filecheck %s

// Three buffers of 600 KB in 1 MiB: the state of the loop stays, the others take turns, and what
// cannot be there at the same time is spilled.
// CHECK-LABEL: func.func @main
// CHECK-SAME: rnncc.spills = ["state (vmem, 600000 bytes)"]
func.func @main() {
  %y = npu.output "y" 0 : !npu.buffer<150000xf32, dram>
  // CHECK: npu.alloc "a" at 0 :
  // CHECK: npu.alloc "b" at 0 :
  // CHECK: npu.alloc "state.spilled" at 0 : !npu.buffer<150000xf32, dram>
  %a = npu.alloc "a" : !npu.buffer<150000xf32, vmem>
  %b = npu.alloc "b" : !npu.buffer<150000xf32, vmem>
  %s = npu.alloc "state" : !npu.buffer<150000xf32, vmem>
  %av = npu.view %a [0, 0, 1] : !npu.buffer<150000xf32, vmem>
  %bv = npu.view %b [0, 0, 1] : !npu.buffer<150000xf32, vmem>
  %sv = npu.view %s [0, 0, 1] : !npu.buffer<150000xf32, vmem>
  %yv = npu.view %y [0, 0, 1] : !npu.buffer<150000xf32, dram>
  // CHECK: [[STAGED:%.+]] = npu.alloc "state.staging"
  // CHECK: npu.fill %{{.+}} [1, 1, 150000] value 0.0
  // CHECK-NEXT: npu.dma
  npu.fill %sv [1, 1, 150000] value 0.0 : !npu.view<f32, vmem>
  // CHECK: npu.loop
  npu.loop %i = 3 {
    npu.fill %av [1, 1, 150000] value 1.0 : !npu.view<f32, vmem>
    npu.dma %yv, %av [1, 1, 150000] : !npu.view<f32, dram>, !npu.view<f32, vmem>
    npu.fill %bv [1, 1, 150000] value 2.0 : !npu.view<f32, vmem>
    npu.dma %yv, %bv [1, 1, 150000] : !npu.view<f32, dram>, !npu.view<f32, vmem>
    // A dma needs no staging copy.
    // CHECK: npu.dma %{{.+}}, %{{.+}} [1, 1, 150000] : !npu.view<f32, dram>, !npu.view<f32, dram>
    npu.dma %yv, %sv [1, 1, 150000] : !npu.view<f32, dram>, !npu.view<f32, vmem>
    // CHECK: npu.dma %{{.+}}, %{{.+}} [1, 1, 150000] : !npu.view<f32, vmem>, !npu.view<f32, dram>
    // CHECK: npu.unary tanh
    // CHECK: npu.dma %{{.+}}, %{{.+}} [1, 1, 150000] : !npu.view<f32, dram>, !npu.view<f32, vmem>
    npu.unary tanh %sv, %sv [1, 1, 150000] : !npu.view<f32, vmem>, !npu.view<f32, vmem>
  }
  func.return
}
