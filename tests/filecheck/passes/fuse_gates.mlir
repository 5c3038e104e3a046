// RUN: rnncc opt %s -p fuse-gates,canonicalize | filecheck %s

// Two products, two sums, two biases and two equal activations become one of each.
// CHECK-LABEL: func.func @gates
// CHECK: [[P:%.+]] = nn.matmul %x, {{%.+}} transpose_b : tensor<2x2xf32>, tensor<4x2xf32> -> tensor<2x4xf32>
// CHECK: [[B:%.+]] = nn.constant #nn.weight<"", tensor<4xf32>,
// CHECK: [[S:%.+]] = nn.binary add [[P]], [[B]]
// CHECK-NEXT: [[A:%.+]] = nn.unary sigmoid [[S]]
// CHECK-NEXT: nn.slice [[A]] starts [0, 0] sizes [2, 2]
// CHECK-NEXT: nn.slice [[A]] starts [0, 2] sizes [2, 2]
func.func @gates(%x: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>) {
  %w1 = nn.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %w2 = nn.constant dense<[[5.0, 6.0], [7.0, 8.0]]> : tensor<2x2xf32>
  %b1 = nn.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %b2 = nn.constant dense<[3.0, 4.0]> : tensor<2xf32>
  %p1 = nn.matmul %x, %w1 : tensor<2x2xf32>, tensor<2x2xf32> -> tensor<2x2xf32>
  %p2 = nn.matmul %x, %w2 transpose_b : tensor<2x2xf32>, tensor<2x2xf32> -> tensor<2x2xf32>
  %s1 = nn.binary add %p1, %b1 : tensor<2x2xf32>, tensor<2xf32> -> tensor<2x2xf32>
  %s2 = nn.binary add %p2, %b2 : tensor<2x2xf32>, tensor<2xf32> -> tensor<2x2xf32>
  %a1 = nn.unary sigmoid %s1 : tensor<2x2xf32> -> tensor<2x2xf32>
  %a2 = nn.unary sigmoid %s2 : tensor<2x2xf32> -> tensor<2x2xf32>
  func.return %a1, %a2 : tensor<2x2xf32>, tensor<2x2xf32>
}

// Other values, run-time weights and other activations stay apart.
// CHECK-LABEL: func.func @apart
// CHECK-COUNT-2: nn.matmul
// CHECK: nn.unary tanh
// CHECK: nn.unary sigmoid
func.func @apart(%x: tensor<2x2xf32>, %w1: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>) {
  %w2 = nn.constant dense<[[5.0, 6.0], [7.0, 8.0]]> : tensor<2x2xf32>
  %p1 = nn.matmul %x, %w1 : tensor<2x2xf32>, tensor<2x2xf32> -> tensor<2x2xf32>
  %p2 = nn.matmul %x, %w2 : tensor<2x2xf32>, tensor<2x2xf32> -> tensor<2x2xf32>
  %a1 = nn.unary tanh %p1 : tensor<2x2xf32> -> tensor<2x2xf32>
  %a2 = nn.unary sigmoid %p2 : tensor<2x2xf32> -> tensor<2x2xf32>
  func.return %a1, %a2 : tensor<2x2xf32>, tensor<2x2xf32>
}
