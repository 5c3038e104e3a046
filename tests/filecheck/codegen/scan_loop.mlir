// RUN: rnncc compile %s --emit asm -p default | filecheck %s
// A recurrence is one loop over the run-time number of steps; the input product for all steps stands before it.

// CHECK:      .symbol T 6 [[T:r[0-9]+]]
// CHECK:      mm f32 [{{.*}}, 16, 8]
// CHECK:      loop [[I:r[0-9]+]], [[T]] max 6
// CHECK:        mm f32 [1, 16, 4]
// CHECK-NOT:    mm f32
// CHECK:        unary.sigmoid f32 [1, 1, 12]
// CHECK:        unary.tanh f32 [1, 1, 4]
// CHECK:      endloop
// CHECK:      halt
func.func @main(%x : tensor<6x1x8xf32, ["T", "", ""]>, %h0 : tensor<1x4xf32>) -> tensor<1x4xf32> attributes {rnncc.inputs = ["x", "h0"], rnncc.outputs = ["h"], rnncc.symbols = {T = 6 : i64}} {
  %w = nn.constant dense<0.5> : tensor<16x8xf32>
  %r = nn.constant dense<0.25> : tensor<16x4xf32>
  %y, %h, %c = rnn.lstm %x, %w, %r h0(%h0) c0(%h0) {hidden = 4 : i64, activations = ["sigmoid", "tanh", "tanh"], alphas = array<f32: 0.0, 0.0, 0.0>, betas = array<f32: 0.0, 0.0, 0.0>, onnx.node = "cell"} : (tensor<6x1x8xf32, ["T", "", ""]>, tensor<16x8xf32>, tensor<16x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>) -> (tensor<6x1x4xf32, ["T", "", ""]>, tensor<1x4xf32>, tensor<1x4xf32>)
  func.return %h : tensor<1x4xf32>
}
