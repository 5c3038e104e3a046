// RUN: rnncc compile %s --emit asm -p baseline | filecheck %s
// Without hoisting both products stand in the loop, and the gates are as they were.

// CHECK:      loop {{.*}} max 6
// CHECK-DAG:    mm f32 [1, 16, 8]
// CHECK-DAG:    mm{{a?}} f32 [1, 16, 4]
// CHECK:      endloop

func.func @main(%x : tensor<6x1x8xf32, ["T", "", ""]>, %h0 : tensor<1x4xf32>) -> tensor<1x4xf32> attributes {rnncc.inputs = ["x", "h0"], rnncc.outputs = ["h"], rnncc.symbols = {T = 6 : i64}} {
  %w = nn.constant dense<0.5> : tensor<16x8xf32>
  %r = nn.constant dense<0.25> : tensor<16x4xf32>
  %y, %h, %c = rnn.lstm %x, %w, %r h0(%h0) c0(%h0) {hidden = 4 : i64, activations = ["sigmoid", "tanh", "tanh"], alphas = array<f32: 0.0, 0.0, 0.0>, betas = array<f32: 0.0, 0.0, 0.0>, onnx.node = "cell"} : (tensor<6x1x8xf32, ["T", "", ""]>, tensor<16x8xf32>, tensor<16x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>) -> (tensor<6x1x4xf32, ["T", "", ""]>, tensor<1x4xf32>, tensor<1x4xf32>)
  func.return %h : tensor<1x4xf32>
}
