// RUN: rnncc opt %s | rnncc opt | filecheck %s
// RUN: rnncc opt %s -p canonicalize | filecheck %s --check-prefix=SIMPLE

// CHECK-LABEL: func.func @main
// CHECK: rnn.while of 25 carry(%h0 : tensor<1x4xf32>, %k0 : tensor<i64>) steps(%m : tensor<i64>) -> (tensor<25x1x4xf32>) if ([[T:%.+]], [[H:%.+]], [[K:%.+]]) {
// CHECK-NEXT: [[C:%.+]] = nn.compare lt [[K]], [[T]]
// CHECK-NEXT: rnn.yield [[C]] : tensor<i1>
// CHECK-NEXT: } do ([[U:%.+]], [[G:%.+]], [[J:%.+]]) {
// CHECK-NEXT: [[A:%.+]] = nn.binary add [[J]], [[U]]
// CHECK-NEXT: rnn.yield [[G]], [[A]], [[G]] : tensor<1x4xf32>, tensor<i64>, tensor<1x4xf32>
// CHECK-NEXT: } {onnx.node = "loop"}
// CHECK: rnn.while of 3 if ({{%.+}}) {
// CHECK: } do ({{%.+}}) {

// A state that never changes is no state; a while that only its count ends, and that nobody asks how often it ran, is a scan.
// SIMPLE: rnn.while of 25 carry(%k0 : tensor<i64>) steps(%m : tensor<i64>) -> (tensor<25x1x4xf32>) if ({{%.+, %.+}}) {
// SIMPLE: rnn.yield {{%.+}}, %h0 : tensor<i64>, tensor<1x4xf32>
// SIMPLE: rnn.scan {{%.+}} of 3 carry({{%.+}} = %h0 : tensor<1x4xf32>) {
func.func @main(%h0: tensor<1x4xf32>, %k0: tensor<i64>, %m: tensor<i64>) -> (tensor<1x4xf32>, tensor<i64>, tensor<25x1x4xf32>, tensor<1x4xf32>) {
  %h, %k, %n, %ys = rnn.while of 25 carry(%h0 : tensor<1x4xf32>, %k0 : tensor<i64>) steps(%m : tensor<i64>) -> (tensor<25x1x4xf32>) if (%t, %a, %b) {
    %c = nn.compare lt %b, %t : tensor<i64>, tensor<i64> -> tensor<i1>
    rnn.yield %c : tensor<i1>
  } do (%u, %d, %e) {
    %f = nn.binary add %e, %u : tensor<i64>, tensor<i64> -> tensor<i64>
    rnn.yield %d, %f, %d : tensor<1x4xf32>, tensor<i64>, tensor<1x4xf32>
  } {onnx.node = "loop"}
  %none = rnn.while of 3 if (%t) {
    %yes = nn.constant dense<true> : tensor<i1>
    rnn.yield %yes : tensor<i1>
  } do (%t) {
    rnn.yield
  }
  %g, %unused = rnn.while of 3 carry(%h0 : tensor<1x4xf32>) if (%t, %a) {
    %yes = nn.constant dense<true> : tensor<i1>
    rnn.yield %yes : tensor<i1>
  } do (%t, %a) {
    %b = nn.unary tanh %a : tensor<1x4xf32> -> tensor<1x4xf32>
    rnn.yield %b : tensor<1x4xf32>
  }
  func.return %h, %n, %ys, %g : tensor<1x4xf32>, tensor<i64>, tensor<25x1x4xf32>, tensor<1x4xf32>
}
