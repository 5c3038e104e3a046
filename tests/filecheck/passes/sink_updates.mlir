// RUN: rnncc opt %s -p sink-updates,dce --split-input-file | filecheck %s

// All that only feeds the new state moves into the branch, the product too.
// CHECK-LABEL: func.func @main
// CHECK-SAME: rnncc.remarks = ["sink-updates: 'cell': 1 select by one condition became a branch around 1 product and 1 other operation"]
// CHECK: rnn.scan
// CHECK-NEXT: [[C:%.+]] = nn.reshape %ct
// CHECK-NEXT: [[N:%.+]] = rnn.if [[C]] -> (tensor<1x4xf32>) {
// CHECK-NEXT: nn.matmul %s, %w
// CHECK-NEXT: [[A:%.+]] = nn.unary tanh
// CHECK-NEXT: rnn.yield [[A]]
// CHECK-NEXT: } else {
// CHECK-NEXT: rnn.yield %s
// CHECK-NEXT: }
// CHECK-NEXT: rnn.yield [[N]]
func.func @main(%c: tensor<5x1x1xi1>, %h: tensor<1x4xf32>, %w: tensor<4x4xf32>) -> tensor<1x4xf32> {
  %r = rnn.scan %t of 5 each(%ct = %c : tensor<5x1x1xi1>) carry(%s = %h : tensor<1x4xf32>) {
    %p = nn.matmul %s, %w : tensor<1x4xf32>, tensor<4x4xf32> -> tensor<1x4xf32>
    %a = nn.unary tanh %p : tensor<1x4xf32> -> tensor<1x4xf32>
    %n = nn.select %ct, %a, %s : tensor<1x1xi1>, tensor<1x4xf32>, tensor<1x4xf32> -> tensor<1x4xf32>
    rnn.yield %n : tensor<1x4xf32>
  } {onnx.node = "cell"}
  func.return %r : tensor<1x4xf32>
}

// -----

// Rows decide for themselves: nothing is computed when no row updates.
// CHECK-LABEL: func.func @main
// CHECK-SAME: taken when any of 2 elements asks
// CHECK: [[M:%.+]] = nn.reduce max %ct axes [0, 1]
// CHECK-NEXT: rnn.if [[M]] -> (tensor<2x4xf32>) {
// CHECK-NEXT: nn.matmul
// CHECK-NEXT: nn.select
func.func @main(%c: tensor<5x2x1xi1>, %h: tensor<2x4xf32>, %w: tensor<4x4xf32>) -> tensor<2x4xf32> {
  %r = rnn.scan %t of 5 each(%ct = %c : tensor<5x2x1xi1>) carry(%s = %h : tensor<2x4xf32>) {
    %p = nn.matmul %s, %w : tensor<2x4xf32>, tensor<4x4xf32> -> tensor<2x4xf32>
    %n = nn.select %ct, %p, %s : tensor<2x1xi1>, tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
    rnn.yield %n : tensor<2x4xf32>
  } {onnx.node = "cell"}
  func.return %r : tensor<2x4xf32>
}

// -----

// An addition is cheaper than a branch.
// CHECK-LABEL: func.func @main
// CHECK-SAME: 1 select by one condition left: a branch takes as long as the 1 other operation it saves
// CHECK-NOT: rnn.if
func.func @main(%c: tensor<5x1x1xi1>, %h: tensor<1x4xf32>) -> tensor<1x4xf32> {
  %r = rnn.scan %t of 5 each(%ct = %c : tensor<5x1x1xi1>) carry(%s = %h : tensor<1x4xf32>) {
    %p = nn.binary add %s, %h : tensor<1x4xf32>, tensor<1x4xf32> -> tensor<1x4xf32>
    %n = nn.select %ct, %p, %s : tensor<1x1xi1>, tensor<1x4xf32>, tensor<1x4xf32> -> tensor<1x4xf32>
    rnn.yield %n : tensor<1x4xf32>
  } {onnx.node = "cell"}
  func.return %r : tensor<1x4xf32>
}
