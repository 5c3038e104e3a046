// RUN: rnncc opt %s -p "batch-sequences{size=4 policy=cellular requests=9}" --split-input-file --verify-diagnostics | filecheck %s
// Rows are slots; states start anew where a request does, and its final state is picked where it ends.

// CHECK-LABEL: func.func @main
// CHECK-SAME: (%x: tensor<5x4x2xf32, ["T", "", ""]>, %lengths: tensor<4xi32>, %first: tensor<5x4xi1, ["T", ""]>, %finals: tensor<9xi64>) -> tensor<9x2xf32>
// CHECK-SAME: rnncc.inputs = ["x", "lengths", "first", "finals"]
// CHECK-SAME: order = "slots"
// CHECK-SAME: requests = 9 : i64
// CHECK-SAME: roles = ["", "lengths", "first", "finals"]
// CHECK: [[F:%.+]] = nn.reshape %first : tensor<5x4xi1, ["T", ""]> -> tensor<5x4x1xi1, ["T", "", ""]>
// CHECK: rnn.scan {{.*}} lens(%lengths : tensor<4xi32>) -> {{.*}} {
// CHECK: nn.select {{.*}} : tensor<4x1xi1>
// CHECK: nn.matmul
// CHECK: } {rnn.packed}
// CHECK: nn.gather {{.*}}, %finals axis 0
func.func @main(%x: tensor<5x1x2xf32, ["T", "", ""]>) -> tensor<1x2xf32> attributes {rnncc.inputs = ["x"], rnncc.outputs = ["h"], rnncc.symbols = {T = 5 : i64}} {
  %r = nn.constant dense<[[1.0, 2.0], [3.0, 4.5]]> : tensor<2x2xf32>
  %h0 = nn.constant dense<[[0.5, 0.25]]> : tensor<1x2xf32>
  %y = rnn.scan %t of 5 "T" each(%xt = %x : tensor<5x1x2xf32, ["T", "", ""]>) carry(%h = %h0 : tensor<1x2xf32>) {
    %p = nn.matmul %h, %r : tensor<1x2xf32>, tensor<2x2xf32> -> tensor<1x2xf32>
    %s = nn.binary add %p, %xt : tensor<1x2xf32>, tensor<1x2xf32> -> tensor<1x2xf32>
    rnn.yield %s : tensor<1x2xf32>
  }
  func.return %y : tensor<1x2xf32>
}

// -----

// CHECK: rnn.scan): it asks for the number of the step, and requests join at any step
func.func @main(%x: tensor<5x1x2xf32, ["T", "", ""]>) -> tensor<1x2xf32> attributes {rnncc.symbols = {T = 5 : i64}} {
  %h0 = nn.constant dense<[[0.5, 0.25]]> : tensor<1x2xf32>
  %y = rnn.scan %t of 5 "T" each(%xt = %x : tensor<5x1x2xf32, ["T", "", ""]>) carry(%h = %h0 : tensor<1x2xf32>) {
    %f = nn.cast %t : tensor<i64> -> tensor<f32>
    %s = nn.binary add %h, %f : tensor<1x2xf32>, tensor<f32> -> tensor<1x2xf32>
    rnn.yield %s : tensor<1x2xf32>
  } {onnx.node = "count"}
  func.return %y : tensor<1x2xf32>
}
