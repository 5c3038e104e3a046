// RUN: rnncc opt %s -p place-memory,tile-for-machine,lower-to-npu | filecheck %s

// One product a row of the kernel and a frame: three columns of three channels, k = 9, added up in place;
// bias and activation are done on the block of both frames.
// CHECK-COUNT-2: npu.mm {{.*}} [{{[0-9]+}}, 4, 9] :
// CHECK-COUNT-4: npu.mm {{.*}} [{{[0-9]+}}, 4, 9] accumulate
// CHECK-NOT: npu.mm
// CHECK: npu.binary add
// CHECK: npu.unary relu
// CHECK: npu.binary max
// CHECK: func.return
func.func @main(%x: tensor<2x3x8x8xf32>, %b: tensor<4x1x1xf32>) -> tensor<2x4x4x4xf32> {
  %w = nn.constant dense<1.0> : tensor<4x3x3x3xf32>
  %c = nn.conv %x, %w strides [1, 1] dilations [1, 1] low [1, 1] high [1, 1] groups 1 : tensor<2x3x8x8xf32>, tensor<4x3x3x3xf32> -> tensor<2x4x8x8xf32>
  %a = nn.binary add %c, %b : tensor<2x4x8x8xf32>, tensor<4x1x1xf32> -> tensor<2x4x8x8xf32>
  %r = nn.unary relu %a : tensor<2x4x8x8xf32> -> tensor<2x4x8x8xf32>
  %p = nn.pool max %r kernel [2, 2] strides [2, 2] dilations [1, 1] low [0, 0] high [0, 0] : tensor<2x4x8x8xf32> -> tensor<2x4x4x4xf32>
  func.return %p : tensor<2x4x4x4xf32>
}
