// RUN: rnncc opt %s -p split-gates,canonicalize,dce | filecheck %s

// A product that is read in parts becomes a product for each part, and so do sum and activation.
// CHECK-LABEL: func.func @gates
// CHECK-SAME: "split-gates: a recurrence without a name: 1 products computed gate by gate"
// CHECK: rnn.scan
// CHECK: [[A:%.+]] = nn.matmul %x, {{%.+}} transpose_b : tensor<1x2xf32>, tensor<2x2xf32> -> tensor<1x2xf32>
// CHECK: [[B:%.+]] = nn.matmul %x, {{%.+}} transpose_b : tensor<1x2xf32>, tensor<2x2xf32> -> tensor<1x2xf32>
// CHECK-DAG: nn.binary add [[A]], {{%.+}} : tensor<1x2xf32>, tensor<2xf32>
// CHECK-DAG: nn.binary add [[B]], {{%.+}} : tensor<1x2xf32>, tensor<2xf32>
// CHECK-COUNT-2: nn.unary sigmoid
// CHECK-NOT: nn.slice
// CHECK: rnn.yield
func.func @gates(%xs: tensor<5x1x2xf32>, %h0: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = nn.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>
  %b = nn.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %hn = rnn.scan %t of 5 each(%x = %xs : tensor<5x1x2xf32>) carry(%h = %h0 : tensor<1x2xf32>) {
    %p = nn.matmul %x, %w transpose_b : tensor<1x2xf32>, tensor<4x2xf32> -> tensor<1x4xf32>
    %s = nn.binary add %p, %b : tensor<1x4xf32>, tensor<4xf32> -> tensor<1x4xf32>
    %a = nn.unary sigmoid %s : tensor<1x4xf32> -> tensor<1x4xf32>
    %z = nn.slice %a starts [0, 0] sizes [1, 2] steps [1, 1] : tensor<1x4xf32> -> tensor<1x2xf32>
    %r = nn.slice %a starts [0, 2] sizes [1, 2] steps [1, 1] : tensor<1x4xf32> -> tensor<1x2xf32>
    %m = nn.binary mul %z, %h : tensor<1x2xf32>, tensor<1x2xf32> -> tensor<1x2xf32>
    %n = nn.binary add %m, %r : tensor<1x2xf32>, tensor<1x2xf32> -> tensor<1x2xf32>
    rnn.yield %n : tensor<1x2xf32>
  }
  func.return %hn : tensor<1x2xf32>
}

// Read whole as well: it stays one.
// CHECK-LABEL: func.func @whole
// CHECK-SAME: "split-gates: a recurrence without a name: no product is read gate by gate only"
// CHECK: nn.matmul
// CHECK-NOT: nn.matmul
func.func @whole(%xs: tensor<5x1x2xf32>, %h0: tensor<1x4xf32>) -> tensor<1x4xf32> {
  %w = nn.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>
  %hn = rnn.scan %t of 5 each(%x = %xs : tensor<5x1x2xf32>) carry(%h = %h0 : tensor<1x4xf32>) {
    %p = nn.matmul %x, %w transpose_b : tensor<1x2xf32>, tensor<4x2xf32> -> tensor<1x4xf32>
    %z = nn.slice %p starts [0, 0] sizes [1, 1] steps [1, 1] : tensor<1x4xf32> -> tensor<1x1xf32>
    %m = nn.binary mul %p, %z : tensor<1x4xf32>, tensor<1x1xf32> -> tensor<1x4xf32>
    %n = nn.binary add %m, %h : tensor<1x4xf32>, tensor<1x4xf32> -> tensor<1x4xf32>
    rnn.yield %n : tensor<1x4xf32>
  }
  func.return %hn : tensor<1x4xf32>
}
