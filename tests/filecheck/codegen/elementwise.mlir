// RUN: rnncc compile %s --emit asm | filecheck %s
// RUN: rnncc compile %s --emit asm --target tpu-v1 | filecheck %s
// What fits is brought in, computed and written back by one instruction each, in order of use.

// CHECK:      dma f32 {{.*}} vmem[{{.*}}], dram[x
// CHECK:      unary.tanh f32 [1, 1, 24]
// CHECK:      dma f32 {{.*}} dram[y
// CHECK-NOT:  loop
// CHECK:      halt
func.func @main(%x : tensor<3x8xf32>) -> tensor<3x8xf32> attributes {rnncc.inputs = ["x"], rnncc.outputs = ["y"]} {
  %y = nn.unary tanh %x : tensor<3x8xf32> -> tensor<3x8xf32>
  func.return %y : tensor<3x8xf32>
}
