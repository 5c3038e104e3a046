// RUN: rnncc opt %s -p hoist-input-projection | filecheck %s

// The product and the bias leave, although the bias comes last; so does what never changes.
// CHECK-LABEL: func.func @projection
// CHECK-NEXT: [[K:%.+]] = nn.unary exp %k
// CHECK-NEXT: [[X:%.+]] = nn.reshape %x : tensor<5x2x3xf32, ["T", "", ""]> -> tensor<10x3xf32, ["T", ""]>
// CHECK-NEXT: [[P:%.+]] = nn.matmul [[X]], %w transpose_b
// CHECK-NEXT: [[Q:%.+]] = nn.reshape [[P]] : tensor<10x4xf32, ["T", ""]> -> tensor<5x2x4xf32, ["T", "", ""]>
// CHECK-NEXT: [[S:%.+]] = nn.binary add [[Q]], [[K]]
// CHECK-NEXT: rnn.scan %t of 5 "T" each([[A:%.+]] = reverse [[S]] : tensor<5x2x4xf32, ["T", "", ""]>) carry(%h = %h0 : tensor<2x4xf32>) {
// CHECK-NEXT:   [[R:%.+]] = nn.matmul %h, %r transpose_b
// CHECK-NEXT:   [[B:%.+]] = nn.binary add [[A]], [[R]]
// CHECK-NEXT:   rnn.yield [[B]]
func.func @projection(%x: tensor<5x2x3xf32, ["T", "", ""]>, %w: tensor<4x3xf32>, %r: tensor<4x4xf32>, %k: tensor<4xf32>, %h0: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %y = rnn.scan %t of 5 "T" each(%xt = reverse %x : tensor<5x2x3xf32, ["T", "", ""]>) carry(%h = %h0 : tensor<2x4xf32>) {
    %p = nn.matmul %xt, %w transpose_b : tensor<2x3xf32>, tensor<4x3xf32> -> tensor<2x4xf32>
    %q = nn.matmul %h, %r transpose_b : tensor<2x4xf32>, tensor<4x4xf32> -> tensor<2x4xf32>
    %s = nn.binary add %p, %q : tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
    %b = nn.unary exp %k : tensor<4xf32> -> tensor<4xf32>
    %z = nn.binary add %s, %b : tensor<2x4xf32>, tensor<4xf32> -> tensor<2x4xf32>
    rnn.yield %z : tensor<2x4xf32>
  }
  func.return %y : tensor<2x4xf32>
}

// Element-wise work alone stays, and so do products of the state.
// CHECK-LABEL: func.func @stays
// CHECK-NEXT: rnn.scan
// CHECK-NEXT:   nn.unary exp
// CHECK-NEXT:   nn.binary add
// CHECK-NEXT:   nn.matmul
func.func @stays(%x: tensor<5x2x4xf32>, %r: tensor<4x4xf32>, %h0: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %y = rnn.scan %t of 5 each(%xt = %x : tensor<5x2x4xf32>) carry(%h = %h0 : tensor<2x4xf32>) {
    %e = nn.unary exp %xt : tensor<2x4xf32> -> tensor<2x4xf32>
    %s = nn.binary add %e, %h : tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
    %q = nn.matmul %s, %r : tensor<2x4xf32>, tensor<4x4xf32> -> tensor<2x4xf32>
    rnn.yield %q : tensor<2x4xf32>
  }
  func.return %y : tensor<2x4xf32>
}
