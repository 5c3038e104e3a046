// RUN: rnncc opt %s -p drop-zero-products,dce --split-input-file | filecheck %s

// A state of zeros, seen in another shape: its product is zero, and the sum is the other operand.
// CHECK-LABEL: func.func @state
// CHECK-SAME: "drop-zero-products: 1 products of zeros are not computed"
// CHECK: [[P:%.+]] = nn.matmul %x
// CHECK-NOT: nn.matmul
// CHECK-NOT: nn.binary
// CHECK: nn.unary tanh [[P]]
func.func @state(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = nn.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %z = nn.constant dense<[[[0.0, 0.0]]]> : tensor<1x1x2xf32>
  %h = nn.reshape %z : tensor<1x1x2xf32> -> tensor<1x2xf32>
  %p = nn.matmul %x, %w : tensor<1x2xf32>, tensor<2x2xf32> -> tensor<1x2xf32>
  %q = nn.matmul %h, %w : tensor<1x2xf32>, tensor<2x2xf32> -> tensor<1x2xf32>
  %s = nn.binary add %p, %q : tensor<1x2xf32>, tensor<1x2xf32> -> tensor<1x2xf32>
  %t = nn.unary tanh %s : tensor<1x2xf32> -> tensor<1x2xf32>
  func.return %t : tensor<1x2xf32>
}

// Something else reads it, or it is one operand of a sum that is larger: zeros.
// CHECK-LABEL: func.func @zeros
// CHECK-NOT: nn.matmul
// CHECK: [[Z:%.+]] = nn.constant
// CHECK: nn.binary mul %x, [[Z]]
func.func @zeros(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = nn.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %h = nn.constant dense<[[0.0, 0.0]]> : tensor<1x2xf32>
  %q = nn.matmul %h, %w : tensor<1x2xf32>, tensor<2x2xf32> -> tensor<1x2xf32>
  %s = nn.binary mul %x, %q : tensor<1x2xf32>, tensor<1x2xf32> -> tensor<1x2xf32>
  func.return %s : tensor<1x2xf32>
}

// Zero times infinity is not zero; what comes from outside may be infinite; a number that is not zero counts.
// CHECK-LABEL: func.func @kept
// CHECK-COUNT-3: nn.matmul
func.func @kept(%x: tensor<2x2xf32>) -> (tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>) {
  %w = nn.constant dense<"0x0000803F00000040000040400000807F"> : tensor<2x2xf32>
  %v = nn.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %h = nn.constant dense<[[0.0, 0.0]]> : tensor<1x2xf32>
  %g = nn.constant dense<[[0.0, 1.0]]> : tensor<1x2xf32>
  %p = nn.matmul %h, %w : tensor<1x2xf32>, tensor<2x2xf32> -> tensor<1x2xf32>
  %q = nn.matmul %h, %x : tensor<1x2xf32>, tensor<2x2xf32> -> tensor<1x2xf32>
  %r = nn.matmul %g, %v : tensor<1x2xf32>, tensor<2x2xf32> -> tensor<1x2xf32>
  func.return %p, %q, %r : tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>
}
