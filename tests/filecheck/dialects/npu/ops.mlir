// RUN: rnncc opt %s | rnncc opt | filecheck %s

// CHECK-LABEL: func.func @main
func.func @main() attributes {rnncc.symbols = {T = 25 : i64}} {
  // CHECK: npu.input "x" 0 symbols ["T", ""] : !npu.buffer<25x8xf32, dram>
  %x = npu.input "x" 0 symbols ["T", ""] : !npu.buffer<25x8xf32, dram>
  // CHECK: npu.output "y" 0 : !npu.buffer<25x8xf32, dram>
  %y = npu.output "y" 0 : !npu.buffer<25x8xf32, dram>
  // CHECK: npu.const "c" dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32> : !npu.buffer<2xf32, dram>
  %c = npu.const "c" dense<[1.0, 2.0]> : tensor<2xf32> : !npu.buffer<2xf32, dram>
  // CHECK: npu.alloc "w" at 128 : !npu.buffer<8x8xf32, wmem>
  %w = npu.alloc "w" at 128 : !npu.buffer<8x8xf32, wmem>
  // CHECK: npu.alloc "b" {onnx.node = "lstm"} : !npu.buffer<25x8xf32, vmem>
  %b = npu.alloc "b" {"onnx.node" = "lstm"} : !npu.buffer<25x8xf32, vmem>
  %p = npu.alloc "p" : !npu.buffer<25x1xi64, vmem>
  %m = npu.alloc "m" : !npu.buffer<25x8xi1, vmem>
  // CHECK: [[N:%.+]] = npu.length "T"
  %n = npu.length "T"
  // CHECK: [[K:%.+]] = npu.immediate -3
  %k = npu.immediate -3
  // CHECK: npu.scalar ceildiv [[N]], [[K]]
  %s = npu.scalar ceildiv %n, %k
  // CHECK: [[BV:%.+]] = npu.view %{{.+}} [0, 8, 1] : !npu.buffer<25x8xf32, vmem>
  %bv = npu.view %b [0, 8, 1] : !npu.buffer<25x8xf32, vmem>
  %xv = npu.view %x [0, 8, 1] : !npu.buffer<25x8xf32, dram>
  %yv = npu.view %y [0, 8, 1] : !npu.buffer<25x8xf32, dram>
  %wv = npu.view %w [0, 8, 1] : !npu.buffer<8x8xf32, wmem>
  %pv = npu.view %p [0, 1, 0] : !npu.buffer<25x1xi64, vmem>
  %yg = npu.view %y [8, 0, 1] : !npu.buffer<25x8xf32, dram>
  %xg = npu.view %x [8, 0, 1] : !npu.buffer<25x8xf32, dram>
  %pg = npu.view %p [1, 0, 0] : !npu.buffer<25x1xi64, vmem>
  %mv = npu.view %m [0, 8, 1] : !npu.buffer<25x8xi1, vmem>
  // CHECK: npu.dma [[BV]], %{{.+}} [1, 1 * [[N]], 8] {onnx.node = "lstm"} : !npu.view<f32, vmem>, !npu.view<f32, dram>
  npu.dma %bv, %xv [1, 1 * %n, 8] {"onnx.node" = "lstm"} : !npu.view<f32, vmem>, !npu.view<f32, dram>
  // CHECK: npu.loop [[I:%.+]] = [[N]] max 25 {
  npu.loop %i = %n max 25 {
    // CHECK-NEXT: npu.view %{{.+}}[[[I]] * 8] + 2 [0, 0, -1] : !npu.buffer<25x8xf32, vmem>
    %v = npu.view %b[%i * 8] + 2 [0, 0, -1] : !npu.buffer<25x8xf32, vmem>
    // CHECK-NEXT: npu.fill %{{.+}} [1, 1, 2] value -inf : !npu.view<f32, vmem>
    npu.fill %v [1, 1, 2] value -inf : !npu.view<f32, vmem>
    %r = npu.read %v : !npu.view<f32, vmem>
    // CHECK: npu.if %{{.+}} {
    npu.if %r {
      // CHECK-NEXT: npu.iota %{{.+}} [1, 1, 2] start 4 : !npu.view<f32, vmem>
      npu.iota %v [1, 1, 2] start 4 : !npu.view<f32, vmem>
    // CHECK-NEXT: } else {
    } else {
      npu.iota %v [1, 1, 2] : !npu.view<f32, vmem>
    }
  }
  // CHECK: npu.loop %{{.+}} = 4 {
  // CHECK-NEXT: npu.break
  npu.loop %j = 4 {
    npu.break %j
    // CHECK-NEXT: npu.mm %{{.+}}, %{{.+}}, %{{.+}} [1, 8, 8] accumulate
    npu.mm %bv, %bv, %wv [1, 8, 8] accumulate : !npu.view<f32, vmem>, !npu.view<f32, vmem>, !npu.view<f32, wmem>
    // CHECK-NEXT: npu.unary affine %{{.+}}, %{{.+}} [1, 25, 8] alpha 0.5 beta 2.0
    npu.unary affine %bv, %bv [1, 25, 8] alpha 0.5 beta 2.0 : !npu.view<f32, vmem>, !npu.view<f32, vmem>
    // CHECK-NEXT: npu.binary add
    npu.binary add %bv, %bv, %bv [1, 25, 8] : !npu.view<f32, vmem>, !npu.view<f32, vmem>, !npu.view<f32, vmem>
    // CHECK-NEXT: npu.compare lt
    npu.compare lt %mv, %bv, %bv [1, 25, 8] : !npu.view<i1, vmem>, !npu.view<f32, vmem>, !npu.view<f32, vmem>
    // CHECK-NEXT: npu.select
    npu.select %bv, %mv, %bv, %bv [1, 25, 8] : !npu.view<f32, vmem>, !npu.view<i1, vmem>, !npu.view<f32, vmem>, !npu.view<f32, vmem>
    // CHECK-NEXT: npu.convert
    npu.convert %mv, %bv [1, 25, 8] : !npu.view<i1, vmem>, !npu.view<f32, vmem>
    // CHECK-NEXT: npu.reduce max
    npu.reduce max %bv, %bv [1, 25, 8] : !npu.view<f32, vmem>, !npu.view<f32, vmem>
    // CHECK-NEXT: npu.argreduce argmax %{{.+}}, %{{.+}} [1, 25, 8] select_last
    npu.argreduce argmax %pv, %bv [1, 25, 8] select_last : !npu.view<i64, vmem>, !npu.view<f32, vmem>
    // CHECK-NEXT: npu.gather %{{.+}}, %{{.+}}, %{{.+}} [25, 1, 8] rows 25
    npu.gather %yg, %xg, %pg [25, 1, 8] rows 25 : !npu.view<f32, dram>, !npu.view<f32, dram>, !npu.view<i64, vmem>
  }
  func.return
}
