// RUN: rnncc opt %s -p persist-weights,schedule,allocate | filecheck %s

// A constant that a buffer holds for good is marked, with its load, and shares its place with nothing.
// CHECK-LABEL: func.func @main
// CHECK-SAME: rnncc.remarks = ["persist-weights: 1 loads of constants are done once"]
// CHECK-DAG: npu.alloc "once" at [[PLACE:[0-9]+]] {npu.persistent} : !npu.buffer<4xf32, vmem>
// CHECK-NOT: npu.alloc "again" at [[PLACE]]
// CHECK: npu.dma {{.*}} {npu.persistent}
// CHECK-NOT: npu.dma {{.*}} {npu.persistent}
func.func @main() {
  %c = npu.const "c" dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32> : !npu.buffer<4xf32, dram>
  %y = npu.output "y" 0 : !npu.buffer<4xf32, dram>
  %a = npu.alloc "once" : !npu.buffer<4xf32, vmem>
  %b = npu.alloc "again" : !npu.buffer<4xf32, vmem>
  %cv = npu.view %c [0, 0, 1] : !npu.buffer<4xf32, dram>
  %yv = npu.view %y [0, 0, 1] : !npu.buffer<4xf32, dram>
  %av = npu.view %a [0, 0, 1] : !npu.buffer<4xf32, vmem>
  %bv = npu.view %b [0, 0, 1] : !npu.buffer<4xf32, vmem>
  npu.dma %av, %cv [1, 1, 4] : !npu.view<f32, vmem>, !npu.view<f32, dram>
  // Something else writes this one as well.
  npu.dma %bv, %cv [1, 1, 4] : !npu.view<f32, vmem>, !npu.view<f32, dram>
  npu.binary add %bv, %bv, %av [1, 1, 4] : !npu.view<f32, vmem>, !npu.view<f32, vmem>, !npu.view<f32, vmem>
  npu.dma %yv, %bv [1, 1, 4] : !npu.view<f32, dram>, !npu.view<f32, vmem>
  func.return
}
