// RUN: rnncc opt %s --verify-diagnostics --parsing-diagnostics --split-input-file | filecheck %s

%b = npu.alloc "b" : !npu.buffer<8xf32, vmem>
%v = npu.view %b [0, 0, 1] : !npu.buffer<8xf32, vmem>
npu.fill %v [1, 1, 9] value 0 : !npu.view<f32, vmem>
// CHECK: npu.fill: dst reaches elements 0 to 8, its buffer has 0 to 7

// -----

%b = npu.alloc "b" : !npu.buffer<4x8xf32, vmem>
npu.loop %i = 5 {
  %v = npu.view %b[%i * 8] [0, 0, 1] : !npu.buffer<4x8xf32, vmem>
  npu.fill %v [1, 1, 8] value 0 : !npu.view<f32, vmem>
}
// CHECK: npu.fill: dst reaches elements 0 to 39, its buffer has 0 to 31

// -----

%b = npu.alloc "b" : !npu.buffer<8xf32, dram>
%v = npu.view %b [0, 0, 1] : !npu.buffer<8xf32, dram>
npu.fill %v [1, 1, 8] value 0 : !npu.view<f32, dram>
// CHECK: npu.fill: dst is in dram, must be in vmem

// -----

%x = npu.input "x" 0 : !npu.buffer<8xf32, dram>
%b = npu.alloc "b" : !npu.buffer<8xf32, vmem>
%v = npu.view %b [0, 0, 1] : !npu.buffer<8xf32, vmem>
%xv = npu.view %x [0, 0, 1] : !npu.buffer<8xf32, dram>
npu.dma %xv, %v [1, 1, 8] : !npu.view<f32, dram>, !npu.view<f32, vmem>
// CHECK: npu.dma writes to the read-only npu.input

// -----

%b = npu.alloc "b" : !npu.buffer<8xf32, vmem>
%c = npu.alloc "c" : !npu.buffer<8xi32, vmem>
%v = npu.view %b [0, 0, 1] : !npu.buffer<8xf32, vmem>
%w = npu.view %c [0, 0, 1] : !npu.buffer<8xi32, vmem>
npu.binary add %v, %v, %w [1, 1, 8] : !npu.view<f32, vmem>, !npu.view<f32, vmem>, !npu.view<i32, vmem>
// CHECK: npu.binary: element types differ: f32, f32, i32

// -----

%b = npu.alloc "b" : !npu.buffer<8xf32, vmem>
%v = npu.view %b [0, 0, 1] : !npu.buffer<8xf32, vmem>
npu.unary tanhh %v, %v [1, 1, 8] : !npu.view<f32, vmem>, !npu.view<f32, vmem>
// CHECK: npu.unary has no kind 'tanhh', did you mean 'tanh'?

// -----

%w = npu.alloc "w" : !npu.buffer<8x16xf32, wmem>
%b = npu.alloc "b" : !npu.buffer<16xf32, vmem>
%v = npu.view %b [0, 0, 1] : !npu.buffer<16xf32, vmem>
%wv = npu.view %w [0, 16, 1] : !npu.buffer<8x16xf32, wmem>
npu.mm %v, %v, %wv [1, 8, 8] : !npu.view<f32, vmem>, !npu.view<f32, vmem>, !npu.view<f32, wmem>
// CHECK: npu.mm: w must be a dense matrix of 8 columns in wmem

// -----

%b = npu.alloc "b" : !npu.buffer<8xf32, vram>
// CHECK: expected a memory (dram, wmem, vmem), got vram

// -----

%b = npu.const "c" dense<[1.0, 2.0]> : tensor<2xf32> : !npu.buffer<3xf32, dram>
// CHECK: npu.const holds float32[2], its type is !npu.buffer<3xf32, dram>

// -----

%k = npu.immediate 3
%s = npu.scalar shl %k, %k
// CHECK: npu.scalar has no kind 'shl'

// -----

func.func @main(%c: tensor<i1>) {
  // CHECK: npu.break must stand in the body of npu.loop itself
  %r = npu.immediate 1
  npu.break %r
  func.return
}
