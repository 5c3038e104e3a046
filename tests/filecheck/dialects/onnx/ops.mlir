// RUN: rnncc opt %s | rnncc opt | filecheck %s

// Absent operands and results are said, defaults are not.
// CHECK-LABEL: @lstm
func.func @lstm(%x: tensor<25x1x4xf32, ["T", "", ""]>, %w: tensor<1x32x4xf32>, %r: tensor<1x32x8xf32>, %h: tensor<1x1x8xf32>) -> tensor<1x1x8xf32> {
  // CHECK: %{{.+}}, [[C:%.+]] = onnx.LSTM(%x, %w, %r, none, none, %h) v14 {hidden_size = 8 : i64} : (tensor<25x1x4xf32, ["T", "", ""]>, tensor<1x32x4xf32>, tensor<1x32x8xf32>, none, none, tensor<1x1x8xf32>) -> (tensor<25x1x1x8xf32, ["T", "", "", ""]>, none, tensor<1x1x8xf32>)
  %y, %c = onnx.LSTM(%x, %w, %r, none, none, %h) v14 {hidden_size = 8 : i64, direction = "forward"} : (tensor<25x1x4xf32, ["T", "", ""]>, tensor<1x32x4xf32>, tensor<1x32x8xf32>, none, none, tensor<1x1x8xf32>) -> (tensor<25x1x1x8xf32, ["T", "", "", ""]>, none, tensor<1x1x8xf32>)
  func.return %c : tensor<1x1x8xf32>
}

// An older version of an operator keeps its meaning, and its own form where that differs.
// CHECK-LABEL: @versions
func.func @versions(%x: tensor<2x3x1xf32>) -> tensor<2x3xf32> {
  // CHECK: onnx.Softmax(%x) v11 {axis = 2 : i64, onnx.node = "s"} : (tensor<2x3x1xf32>) -> tensor<2x3x1xf32>
  %s = onnx.Softmax(%x) v11 {axis = 2 : i64, onnx.node = "s"} : (tensor<2x3x1xf32>) -> tensor<2x3x1xf32>
  // CHECK: onnx.Squeeze_11(%{{.+}}) v11 {axes = array<i64: 2>} : (tensor<2x3x1xf32>) -> tensor<2x3xf32>
  %y = onnx.Squeeze_11(%s) {axes = array<i64: 2>} : (tensor<2x3x1xf32>) -> tensor<2x3xf32>
  func.return %y : tensor<2x3xf32>
}

// Regions see the values around them.
// CHECK-LABEL: @regions
func.func @regions(%n: tensor<i64>, %go: tensor<i1>, %x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: onnx.Loop(%n, none, %x) v11 : (tensor<i64>, none, tensor<4xf32>) -> tensor<4xf32> body {
  // CHECK-NEXT: ^{{.+}}(%i: tensor<i64>, %c: tensor<i1>, %s: tensor<4xf32>):
  %y = onnx.Loop(%n, none, %x) v11 : (tensor<i64>, none, tensor<4xf32>) -> tensor<4xf32> body {
  ^body(%i: tensor<i64>, %c: tensor<i1>, %s: tensor<4xf32>):
    // CHECK: onnx.Add(%s, %x) v14
    %next = onnx.Add(%s, %x) v14 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    // CHECK: onnx.Yield %go, %{{.+}} : tensor<i1>, tensor<4xf32>
    onnx.Yield %go, %next : tensor<i1>, tensor<4xf32>
  }
  // CHECK: onnx.If(%go) v25 : (tensor<i1>) -> tensor<4xf32> then_branch {
  %z = onnx.If(%go) v25 : (tensor<i1>) -> tensor<4xf32> then_branch {
    onnx.Yield %y : tensor<4xf32>
  // CHECK: } else_branch {
  } else_branch {
    onnx.Yield %x : tensor<4xf32>
  }
  // CHECK: onnx.Split(%{{.+}}) v18 {num_outputs = 2 : i64} : (tensor<4xf32>) -> (tensor<2xf32>, tensor<2xf32>)
  %a, %b = onnx.Split(%z) v18 {num_outputs = 2 : i64} : (tensor<4xf32>) -> (tensor<2xf32>, tensor<2xf32>)
  func.return %z : tensor<4xf32>
}
