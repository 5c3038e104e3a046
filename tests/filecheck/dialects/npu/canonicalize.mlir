// RUN: rnncc opt %s -p canonicalize,cse | filecheck %s

// CHECK-LABEL: func.func @fold
func.func @fold() {
  %y = npu.output "y" 0 : !npu.buffer<4x8xf32, dram>
  %b = npu.alloc "b" : !npu.buffer<4x8xf32, vmem>
  // A buffer that is only written goes.
  // CHECK-NOT: "dead"
  %d = npu.alloc "dead" : !npu.buffer<4x8xf32, vmem>
  %dv = npu.view %d [0, 8, 1] : !npu.buffer<4x8xf32, vmem>
  npu.fill %dv [1, 4, 8] value 0 : !npu.view<f32, vmem>
  // Known scalars fold, into indices and extents too.
  %two = npu.immediate 2
  %one = npu.immediate 1
  %s = npu.scalar add %two, %one
  // CHECK: [[V:%.+]] = npu.view %{{.+}} + 24 [0, 0, 1]
  %v = npu.view %b[%s * 8] [0, 0, 1] : !npu.buffer<4x8xf32, vmem>
  // CHECK-NEXT: [[Y:%.+]] = npu.view %{{.+}} [0, 0, 1]
  %yv = npu.view %y [0, 0, 1] : !npu.buffer<4x8xf32, dram>
  // CHECK-NEXT: npu.fill [[V]] [1, 1, 8] value 1
  npu.fill %v [1, 1, 4 * %two] value 1 : !npu.view<f32, vmem>
  // Nothing is written: gone.
  npu.fill %v [1, 0, 8] value 2 : !npu.view<f32, vmem>
  // Onto itself: gone. Equal views merge (cse).
  %u = npu.view %b + 24 [0, 0, 1] : !npu.buffer<4x8xf32, vmem>
  npu.dma %u, %v [1, 1, 8] : !npu.view<f32, vmem>, !npu.view<f32, vmem>
  // CHECK-NEXT: npu.dma [[Y]], [[V]] [1, 1, 8]
  npu.dma %yv, %u [1, 1, 8] : !npu.view<f32, dram>, !npu.view<f32, vmem>
  // CHECK-NEXT: func.return
  func.return
}

// CHECK-LABEL: func.func @control
func.func @control() {
  // CHECK: [[Y:%.+]] = npu.output "y" 0
  %y = npu.output "y" 0 : !npu.buffer<4x8xf32, dram>
  %x = npu.input "x" 0 : !npu.buffer<4x8xf32, dram>
  %one = npu.immediate 1
  %four = npu.immediate 4
  // One turn: the body alone.
  // CHECK-NOT: npu.if
  // CHECK: npu.dma %{{.+}}, %{{.+}} [1, 1, 8]
  // CHECK-NOT: npu.loop %{{.+}} = 1
  npu.loop %i = %one max 4 {
    %a = npu.view %x[%i * 8] [0, 0, 1] : !npu.buffer<4x8xf32, dram>
    %b = npu.view %y[%i * 8] [0, 0, 1] : !npu.buffer<4x8xf32, dram>
    npu.dma %b, %a [1, 1, 8] : !npu.view<f32, dram>, !npu.view<f32, dram>
  }
  // CHECK: npu.loop %{{.+}} = 4 {
  npu.loop %i = %four max 4 {
    %a = npu.view %x [0, 0, 1] : !npu.buffer<4x8xf32, dram>
    %b = npu.view %y[%i * 8] [0, 0, 1] : !npu.buffer<4x8xf32, dram>
    // CHECK: npu.dma %{{.+}}, %{{.+}} [1, 1, 7]
    npu.if %one {
      npu.dma %b, %a [1, 1, 7] : !npu.view<f32, dram>, !npu.view<f32, dram>
    } else {
      npu.dma %b, %a [1, 1, 8] : !npu.view<f32, dram>, !npu.view<f32, dram>
    }
  }
  // No turn, and nothing to do: gone.
  npu.loop %i = 0 {
    %b = npu.view %y[%i * 8] [0, 0, 1] : !npu.buffer<4x8xf32, dram>
    npu.dma %b, %b [1, 1, 8] : !npu.view<f32, dram>, !npu.view<f32, dram>
  }
  npu.loop %i = 3 {
  }
  // CHECK-NOT: npu.loop
  func.return
}

// CHECK-LABEL: func.func @leave
func.func @leave(%x: !npu.reg) {
  %y = npu.output "y" 0 : !npu.buffer<4x8xf32, dram>
  %v = npu.input "x" 0 : !npu.buffer<4x8xf32, dram>
  %one = npu.immediate 1
  // A loop that may be left is not dissolved; a break that never leaves goes.
  // CHECK: npu.loop %{{.+}} = 1 {
  // CHECK-NEXT: npu.break %x
  // CHECK-NOT: npu.break
  npu.loop %i = 1 {
    npu.break %x
    npu.break %one
    %a = npu.view %v[%i * 8] [0, 0, 1] : !npu.buffer<4x8xf32, dram>
    %b = npu.view %y[%i * 8] [0, 0, 1] : !npu.buffer<4x8xf32, dram>
    npu.dma %b, %a [1, 1, 8] : !npu.view<f32, dram>, !npu.view<f32, dram>
  }
  func.return
}
