// RUN: rnncc opt %s -p allocate | filecheck %s

// CHECK-LABEL: func.func @main
// CHECK-SAME: rnncc.memory = {dram = 0 : i64, vmem = 1024128 : i64, wmem = 0 : i64}
func.func @main() {
  %y = npu.output "y" 0 : !npu.buffer<128000xf32, dram>
  // Two buffers of 500 KiB that are never alive together would fit side by side: no sharing.
  // CHECK: npu.alloc "a" at 0 :
  %a = npu.alloc "a" : !npu.buffer<128000xf32, vmem>
  // Aligned to the granule of 32 bytes.
  // CHECK: npu.alloc "s" at 512000 :
  %s = npu.alloc "s" : !npu.buffer<3xf32, vmem>
  // CHECK: npu.alloc "b" at 512032 :
  %b = npu.alloc "b" : !npu.buffer<128024xf32, vmem>
  %av = npu.view %a [0, 0, 1] : !npu.buffer<128000xf32, vmem>
  %sv = npu.view %s [0, 0, 1] : !npu.buffer<3xf32, vmem>
  %bv = npu.view %b [0, 0, 1] : !npu.buffer<128024xf32, vmem>
  %yv = npu.view %y [0, 0, 1] : !npu.buffer<128000xf32, dram>
  npu.fill %av [1, 1, 128000] value 1.0 : !npu.view<f32, vmem>
  npu.fill %sv [1, 1, 3] value 1.0 : !npu.view<f32, vmem>
  npu.dma %yv, %av [1, 1, 128000] : !npu.view<f32, dram>, !npu.view<f32, vmem>
  npu.fill %bv [1, 1, 128000] value 2.0 : !npu.view<f32, vmem>
  npu.dma %yv, %bv [1, 1, 128000] : !npu.view<f32, dram>, !npu.view<f32, vmem>
  func.return
}
