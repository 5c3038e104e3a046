// RUN: rnncc opt %s -p accumulate-products | filecheck %s
// RUN: rnncc opt %s -p accumulate-products,place-memory,tile-for-machine,lower-to-npu | filecheck %s --check-prefix=NPU

// The bias is put in place, then both products are added to it.
// CHECK-LABEL: func.func @main
// CHECK-SAME: "accumulate-products: a recurrence without a name: 2 products are added to what is there"
// CHECK: rnn.scan
// CHECK: nn.matmul %x, {{%.+}} transpose_b {{.*}}npu.accumulate
// CHECK: nn.matmul %h, {{%.+}} transpose_b {{.*}}npu.accumulate
// What two operations read is not only a part of a sum.
// CHECK: nn.matmul %u, {{%.+}} transpose_b :
// CHECK-NOT: npu.accumulate

// The products need no sum of their own; the third one, which is read twice, does.
// NPU: npu.loop
// NPU: npu.dma %{{.*}} : !npu.view<f32, vmem>, !npu.view<f32, vmem>
// NPU-COUNT-2: npu.mm {{.*}} accumulate
// NPU-NEXT: npu.alloc
// NPU-NOT: npu.binary
// NPU: npu.unary tanh
// NPU: npu.mm %{{.*}} [1, 2, 2] :
func.func @main(%xs: tensor<5x1x2xf32>, %h0: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = nn.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %r = nn.constant dense<[[0.5, 0.25], [0.75, 1.0]]> : tensor<2x2xf32>
  %b = nn.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %hn = rnn.scan %t of 5 each(%x = %xs : tensor<5x1x2xf32>) carry(%h = %h0 : tensor<1x2xf32>) {
    %p = nn.matmul %x, %w transpose_b : tensor<1x2xf32>, tensor<2x2xf32> -> tensor<1x2xf32>
    %s = nn.binary add %p, %b : tensor<1x2xf32>, tensor<2xf32> -> tensor<1x2xf32>
    %q = nn.matmul %h, %r transpose_b : tensor<1x2xf32>, tensor<2x2xf32> -> tensor<1x2xf32>
    %a = nn.binary add %s, %q : tensor<1x2xf32>, tensor<1x2xf32> -> tensor<1x2xf32>
    %u = nn.unary tanh %a : tensor<1x2xf32> -> tensor<1x2xf32>
    %v = nn.matmul %u, %r transpose_b : tensor<1x2xf32>, tensor<2x2xf32> -> tensor<1x2xf32>
    %m = nn.binary mul %v, %u : tensor<1x2xf32>, tensor<1x2xf32> -> tensor<1x2xf32>
    %n = nn.binary add %m, %v : tensor<1x2xf32>, tensor<1x2xf32> -> tensor<1x2xf32>
    rnn.yield %n : tensor<1x2xf32>
  }
  func.return %hn : tensor<1x2xf32>
}
