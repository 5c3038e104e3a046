// RUN: rnncc opt %s -p join-products,canonicalize,dce | filecheck %s

// Input and state side by side: one product, and the bias after it.
// CHECK-LABEL: func.func @join
// CHECK-SAME: "join-products: a recurrence without a name: 1 sums of products are products of input and state side by side"
// CHECK: rnn.scan
// CHECK: [[B:%.+]] = nn.concat %x, %h
// CHECK: [[P:%.+]] = nn.matmul [[B]], {{%.+}} transpose_b : tensor<1x4xf32>, tensor<2x4xf32> -> tensor<1x2xf32>
// CHECK: nn.binary add [[P]], {{%.+}} : tensor<1x2xf32>, tensor<2xf32>
// CHECK-NOT: nn.matmul
// CHECK: rnn.yield
func.func @join(%xs: tensor<5x1x2xf32>, %h0: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = nn.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %r = nn.constant dense<[[5.0, 6.0], [7.0, 8.0]]> : tensor<2x2xf32>
  %b = nn.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %hn = rnn.scan %t of 5 each(%x = %xs : tensor<5x1x2xf32>) carry(%h = %h0 : tensor<1x2xf32>) {
    %p = nn.matmul %x, %w transpose_b : tensor<1x2xf32>, tensor<2x2xf32> -> tensor<1x2xf32>
    %q = nn.binary add %p, %b : tensor<1x2xf32>, tensor<2xf32> -> tensor<1x2xf32>
    %s = nn.matmul %h, %r : tensor<1x2xf32>, tensor<2x2xf32> -> tensor<1x2xf32>
    %a = nn.binary add %q, %s : tensor<1x2xf32>, tensor<1x2xf32> -> tensor<1x2xf32>
    %n = nn.unary tanh %a : tensor<1x2xf32> -> tensor<1x2xf32>
    rnn.yield %n : tensor<1x2xf32>
  }
  func.return %hn : tensor<1x2xf32>
}

// A product that something else reads as well stays.
// CHECK-LABEL: func.func @shared
// CHECK-SAME: "join-products: a recurrence without a name: no sum of two products with constant weights"
// CHECK-COUNT-2: nn.matmul
func.func @shared(%xs: tensor<5x1x2xf32>, %h0: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = nn.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %hn = rnn.scan %t of 5 each(%x = %xs : tensor<5x1x2xf32>) carry(%h = %h0 : tensor<1x2xf32>) {
    %p = nn.matmul %x, %w transpose_b : tensor<1x2xf32>, tensor<2x2xf32> -> tensor<1x2xf32>
    %s = nn.matmul %h, %w : tensor<1x2xf32>, tensor<2x2xf32> -> tensor<1x2xf32>
    %a = nn.binary add %p, %s : tensor<1x2xf32>, tensor<1x2xf32> -> tensor<1x2xf32>
    %n = nn.binary mul %a, %p : tensor<1x2xf32>, tensor<1x2xf32> -> tensor<1x2xf32>
    rnn.yield %n : tensor<1x2xf32>
  }
  func.return %hn : tensor<1x2xf32>
}
