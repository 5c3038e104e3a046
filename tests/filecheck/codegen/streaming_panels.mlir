// RUN: rnncc compile %s --emit asm | filecheck %s
// Weights larger than the matrix memory pass through it in panels, in every step, two buffers in turn.

// CHECK:      loop {{.*}}
// CHECK:      dma f32 [1, 256, 4096] wmem[0x0 + [[B:r[0-9]+]]*4194304 : {{.*}}], dram[w + {{r[0-9]+}}*4194304
// CHECK:      mm f32 [1, 256, 4096] {{.*}}wmem[0x0 + [[B]]*4194304
// CHECK:      endloop
func.func @main(%x: tensor<1x4096xf32>, %w: tensor<4096x4096xf32>) -> tensor<1x4096xf32> attributes {rnncc.inputs = ["x", "w"], rnncc.outputs = ["y"]} {
  %h = rnn.scan %t of 9 carry(%s = %x : tensor<1x4096xf32>) -> () {
    %a = nn.matmul %s, %w transpose_b : tensor<1x4096xf32>, tensor<4096x4096xf32> -> tensor<1x4096xf32>
    rnn.yield %a : tensor<1x4096xf32>
  }
  func.return %h : tensor<1x4096xf32>
}
