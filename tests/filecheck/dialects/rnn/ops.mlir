// RUN: rnncc opt %s | rnncc opt | filecheck %s

// CHECK-LABEL: func.func @main
func.func @main(%x: tensor<5x2x3xf32, ["T", "", ""]>, %l: tensor<2xi32>, %h0: tensor<2x4xf32>, %n: tensor<i64>,
    %w: tensor<16x3xf32>, %r: tensor<16x4xf32>, %b: tensor<32xf32>, %p: tensor<12xf32>,
    %wg: tensor<12x3xf32>, %rg: tensor<12x4xf32>, %we: tensor<4x3xf32>, %re: tensor<4x4xf32>) {
  // CHECK: [[Y:%.+]], [[H:%.+]], [[C:%.+]] = rnn.lstm %x, %w, %r bias(%b) lens(%l) h0(%h0) c0(%h0) peephole(%p) {hidden = 4 : i64, reverse, clip = 3.000000e+00 : f32, input_forget, activations = ["sigmoid", "tanh", "tanh"], alphas = array<f32: {{.*}}>, betas = array<f32: {{.*}}>, onnx.node = "cell"} : ({{.*}}) -> (tensor<5x2x4xf32, ["T", "", ""]>, tensor<2x4xf32>, tensor<2x4xf32>)
  %y, %h, %c = rnn.lstm %x, %w, %r bias(%b) lens(%l) h0(%h0) c0(%h0) peephole(%p) {hidden = 4 : i64, reverse, clip = 3.0 : f32, input_forget, activations = ["sigmoid", "tanh", "tanh"], alphas = array<f32: 0.0, 0.0, 0.0>, betas = array<f32: 0.0, 0.0, 0.0>, onnx.node = "cell"} : (tensor<5x2x3xf32, ["T", "", ""]>, tensor<16x3xf32>, tensor<16x4xf32>, tensor<32xf32>, tensor<2xi32>, tensor<2x4xf32>, tensor<2x4xf32>, tensor<12xf32>) -> (tensor<5x2x4xf32, ["T", "", ""]>, tensor<2x4xf32>, tensor<2x4xf32>)
  // CHECK-NEXT: rnn.gru %x, %wg, %rg {hidden = 4 : i64, linear_before_reset, activations = ["hard_sigmoid", "relu"], alphas = array<f32: 2.000000e-01, 0.000000e+00>, betas = array<f32: 5.000000e-01, 0.000000e+00>}
  %yg, %hg = rnn.gru %x, %wg, %rg {hidden = 4 : i64, linear_before_reset, activations = ["hard_sigmoid", "relu"], alphas = array<f32: 0.2, 0.0>, betas = array<f32: 0.5, 0.0>} : (tensor<5x2x3xf32, ["T", "", ""]>, tensor<12x3xf32>, tensor<12x4xf32>) -> (tensor<5x2x4xf32, ["T", "", ""]>, tensor<2x4xf32>)
  // CHECK-NEXT: rnn.elman %x, %we, %re h0(%h0) {hidden = 4 : i64, activations = ["tanh"]
  %ye, %he = rnn.elman %x, %we, %re h0(%h0) {hidden = 4 : i64, activations = ["tanh"], alphas = array<f32: 0.0>, betas = array<f32: 0.0>} : (tensor<5x2x3xf32, ["T", "", ""]>, tensor<4x3xf32>, tensor<4x4xf32>, tensor<2x4xf32>) -> (tensor<5x2x4xf32, ["T", "", ""]>, tensor<2x4xf32>)
  // CHECK-NEXT: rnn.scan %t of 5 "T" each(%xt = reverse %x : tensor<5x2x3xf32, ["T", "", ""]>) carry(%s = %h0 : tensor<2x4xf32>) lens(%l : tensor<2xi32>) -> (reverse tensor<5x2x4xf32, ["T", "", ""]>) {
  // CHECK-NEXT:   rnn.yield %s, %s : tensor<2x4xf32>, tensor<2x4xf32>
  // CHECK-NEXT: } {onnx.node = "loop"}
  %last, %ys = rnn.scan %t of 5 "T" each(%xt = reverse %x : tensor<5x2x3xf32, ["T", "", ""]>) carry(%s = %h0 : tensor<2x4xf32>) lens(%l : tensor<2xi32>) -> (reverse tensor<5x2x4xf32, ["T", "", ""]>) {
    rnn.yield %s, %s : tensor<2x4xf32>, tensor<2x4xf32>
  } {onnx.node = "loop"}
  // CHECK-NEXT: rnn.scan [[T:%.+]] of 9 steps(%n : tensor<i64>) -> (tensor<9xi64>) {
  // CHECK-NEXT:   rnn.yield [[T]] : tensor<i64>
  %count = rnn.scan %u of 9 steps(%n : tensor<i64>) -> (tensor<9xi64>) {
    rnn.yield %u : tensor<i64>
  }
  // CHECK: rnn.scan [[V:%.+]] of 3 {
  rnn.scan %v of 3 {
    rnn.yield
  }
  // CHECK: rnn.if [[U:%.+]] -> (tensor<2x4xf32>) {
  // CHECK-NEXT: rnn.yield %h0 : tensor<2x4xf32>
  // CHECK-NEXT: } else {
  // CHECK-NEXT: rnn.yield %h : tensor<2x4xf32>
  // CHECK-NEXT: } {onnx.node = "choice"}
  %u = nn.compare eq %n, %n : tensor<i64>, tensor<i64> -> tensor<i1>
  %chosen = rnn.if %u -> (tensor<2x4xf32>) {
    rnn.yield %h0 : tensor<2x4xf32>
  } else {
    rnn.yield %h : tensor<2x4xf32>
  } {onnx.node = "choice"}
  func.return
}
