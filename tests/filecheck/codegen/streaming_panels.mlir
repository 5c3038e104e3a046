// RUN: rnncc compile %s --emit asm | filecheck %s
// Of weights larger than the matrix memory the first rows stay in it; the others pass through it in panels, in every
// step, two buffers in turn.

// CHECK:      dma f32 [1, [[KEPT:[0-9]+]], 4096] wmem[0x0 : {{.*}}], dram[w : {{.*}}
// CHECK:      loop {{.*}}
// CHECK:      mm f32 [1, [[KEPT]], 4096] {{.*}}wmem[0x0 : {{.*}}
// CHECK:      loop {{.*}}
// CHECK:      s.mod [[B:r[0-9]+]], {{r[0-9]+}}, 2
// CHECK:      dma f32 [1, [[ROWS:[0-9]+]], 4096] wmem[{{0x[0-9a-f]+}} + [[B]]*{{[0-9]+}} : {{.*}}], dram[w + {{.*}}
// CHECK:      mm f32 [1, [[ROWS]], 4096] {{.*}}wmem[{{0x[0-9a-f]+}} + [[B]]*{{.*}}
// CHECK:      endloop
func.func @main(%x: tensor<1x4096xf32>, %w: tensor<4096x4096xf32>) -> tensor<1x4096xf32> attributes {rnncc.inputs = ["x", "w"], rnncc.outputs = ["y"]} {
  %h = rnn.scan %t of 9 carry(%s = %x : tensor<1x4096xf32>) -> () {
    %a = nn.matmul %s, %w transpose_b : tensor<1x4096xf32>, tensor<4096x4096xf32> -> tensor<1x4096xf32>
    rnn.yield %a : tensor<1x4096xf32>
  }
  func.return %h : tensor<1x4096xf32>
}
