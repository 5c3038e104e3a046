// RUN: rnncc opt %s --split-input-file | filecheck %s
// RUN: rnncc opt %s -p canonicalize --split-input-file | filecheck %s --check-prefix=CANON

// Both regions yield the results.
// CHECK-LABEL: func.func @main
// CHECK: [[H:%.+]], [[C:%.+]] = rnn.if %u -> (tensor<1x4xf32>, tensor<1x4xf32>) {
// CHECK-NEXT: [[N:%.+]] = nn.unary tanh %h
// CHECK-NEXT: rnn.yield [[N]], %h : tensor<1x4xf32>, tensor<1x4xf32>
// CHECK-NEXT: } else {
// CHECK-NEXT: rnn.yield %h, %c : tensor<1x4xf32>, tensor<1x4xf32>
// CHECK-NEXT: } {onnx.node = "gate"}
// CHECK: rnn.if %u {
// CHECK: } else {
// CANON-LABEL: func.func @main
// CANON-COUNT-1: rnn.if
func.func @main(%u: tensor<i1>, %h: tensor<1x4xf32>, %c: tensor<1x4xf32>) -> (tensor<1x4xf32>, tensor<1x4xf32>) {
  %h1, %c1 = rnn.if %u -> (tensor<1x4xf32>, tensor<1x4xf32>) {
    %n = nn.unary tanh %h : tensor<1x4xf32> -> tensor<1x4xf32>
    rnn.yield %n, %h : tensor<1x4xf32>, tensor<1x4xf32>
  } else {
    rnn.yield %h, %c : tensor<1x4xf32>, tensor<1x4xf32>
  } {onnx.node = "gate"}
  rnn.if %u {
    rnn.yield
  } else {
    rnn.yield
  }
  func.return %h1, %c1 : tensor<1x4xf32>, tensor<1x4xf32>
}

// -----

// A constant condition leaves one region; a negated one exchanges them; what needs no choice or no reader goes.
// CHECK-LABEL: func.func @main
// CANON-LABEL: func.func @main
// CANON-NEXT: [[A:%.+]] = nn.unary tanh %x
// CANON-NEXT: [[B:%.+]] = rnn.if %u -> (tensor<4xf32>) {
// CANON-NEXT: rnn.yield %x
// CANON-NEXT: } else {
// CANON-NEXT: [[E:%.+]] = nn.unary exp %x
// CANON-NEXT: rnn.yield [[E]]
// CANON-NEXT: }
// CANON-NEXT: func.return [[A]], [[B]], %x, [[B]]
func.func @main(%u: tensor<i1>, %x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %t = nn.constant dense<true> : tensor<i1>
  %a = rnn.if %t -> (tensor<4xf32>) {
    %n = nn.unary tanh %x : tensor<4xf32> -> tensor<4xf32>
    rnn.yield %n : tensor<4xf32>
  } else {
    rnn.yield %x : tensor<4xf32>
  }
  %v = nn.unary not %u : tensor<i1> -> tensor<i1>
  %b, %same, %twice, %dead = rnn.if %v -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
    %e = nn.unary exp %x : tensor<4xf32> -> tensor<4xf32>
    rnn.yield %e, %x, %e, %e : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
  } else {
    rnn.yield %x, %x, %x, %a : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
  }
  func.return %a, %b, %same, %twice : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}
