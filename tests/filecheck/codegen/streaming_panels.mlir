// RUN: rnncc compile %s --emit asm | filecheck %s
// Of weights larger than the matrix memory the first rows stay in it; the others pass through it in panels, in every
// step, two places in turn. Between the first panels and the last ones, which neighbouring steps overlap, is a loop.

// CHECK:      dma f32 [1, [[KEPT:[0-9]+]], 4096] wmem[0x0 : {{.*}}], dram[w : {{.*}}
// CHECK:      loop {{.*}}
// CHECK:      dma f32 [1, [[ROWS:[0-9]+]], 4096] wmem[[[ONE:0x[0-9a-f]+]] : {{.*}}], dram[w + {{.*}}
// CHECK:      dma f32 [1, [[ROWS]], 4096] wmem[[[TWO:0x[0-9a-f]+]] : {{.*}}], dram[w + {{.*}}
// CHECK:      mm f32 [1, [[KEPT]], 4096] {{.*}}wmem[0x0 : {{.*}}
// CHECK:      loop {{.*}}
// CHECK:      dma f32 [1, [[ROWS]], 4096] wmem[[[ONE]] : {{.*}}], dram[w + {{.*}} + r{{.*}}
// CHECK:      dma f32 [1, [[ROWS]], 4096] wmem[[[TWO]] : {{.*}}], dram[w + {{.*}} + r{{.*}}
// CHECK:      mm f32 [1, [[ROWS]], 4096] {{.*}}wmem[[[ONE]] : {{.*}}
// CHECK:      mm f32 [1, [[ROWS]], 4096] {{.*}}wmem[[[TWO]] : {{.*}}
// CHECK:      endloop
// CHECK:      mm f32 [1, [[ROWS]], 4096] {{.*}}wmem[[[ONE]] : {{.*}}
// CHECK:      mm f32 [1, [[ROWS]], 4096] {{.*}}wmem[[[TWO]] : {{.*}}
// CHECK:      endloop
func.func @main(%x: tensor<1x4096xf32>, %w: tensor<4096x4096xf32>) -> tensor<1x4096xf32> attributes {rnncc.inputs = ["x", "w"], rnncc.outputs = ["y"]} {
  %h = rnn.scan %t of 9 carry(%s = %x : tensor<1x4096xf32>) -> () {
    %a = nn.matmul %s, %w transpose_b : tensor<1x4096xf32>, tensor<4096x4096xf32> -> tensor<1x4096xf32>
    rnn.yield %a : tensor<1x4096xf32>
  }
  func.return %h : tensor<1x4096xf32>
}
