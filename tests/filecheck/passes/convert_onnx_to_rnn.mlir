// RUN: rnncc opt %s -p convert-onnx-to-rnn --verify-diagnostics --split-input-file | filecheck %s

// Two directions of a batch-first GRU; run-time weights are sliced.
// CHECK-LABEL: func.func @directions
// CHECK: [[X:%.+]] = nn.transpose %x perm [1, 0, 2] {onnx.node = "cell"}
// CHECK: nn.slice %w starts [0, 0, 0] sizes [1, 12, 3]
// CHECK: [[F:%.+]], {{%.+}} = rnn.gru [[X]], {{.*}} {hidden = 4 : i64, activations = ["sigmoid", "tanh"], {{.*}}linear_before_reset{{.*}}onnx.node = "cell"}
// CHECK: nn.slice %w starts [1, 0, 0] sizes [1, 12, 3]
// CHECK: [[B:%.+]], {{%.+}} = rnn.gru [[X]], {{.*}}reverse
// CHECK: [[F1:%.+]] = nn.reshape [[F]]
// CHECK: [[B1:%.+]] = nn.reshape [[B]]
// CHECK: [[Y:%.+]] = nn.concat [[F1]], [[B1]] axis 1
// CHECK: [[Z:%.+]] = nn.transpose [[Y]] perm [2, 0, 1, 3]
// CHECK: func.return [[Z]]
func.func @directions(%x: tensor<2x5x3xf32>, %w: tensor<2x12x3xf32>, %r: tensor<2x12x4xf32>) -> tensor<2x5x2x4xf32> {
  %y = onnx.GRU(%x, %w, %r) v14 {hidden_size = 4 : i64, layout = 1 : i64, direction = "bidirectional", linear_before_reset = 1 : i64, onnx.node = "cell"} : (tensor<2x5x3xf32>, tensor<2x12x3xf32>, tensor<2x12x4xf32>) -> tensor<2x5x2x4xf32>
  func.return %y : tensor<2x5x2x4xf32>
}

// -----

// The time keeps its symbol; alphas go to the activations that take them.
// CHECK-LABEL: func.func @activations
// CHECK: rnn.lstm %x, {{.*}} lens(%l) {hidden = 4 : i64, activations = ["hard_sigmoid", "softsign", "elu"], alphas = array<f32: 3.000000e-01, 0.000000e+00, 5.000000e-01>, betas = array<f32: 5.000000e-01, 0.000000e+00, 0.000000e+00>
// CHECK-SAME: -> (tensor<5x2x4xf32, ["T", "", ""]>, tensor<2x4xf32>, tensor<2x4xf32>)
func.func @activations(%x: tensor<5x2x3xf32, ["T", "", ""]>, %w: tensor<1x16x3xf32>, %r: tensor<1x16x4xf32>, %l: tensor<2xi32>) -> tensor<1x2x4xf32> {
  %y, %h = onnx.LSTM(%x, %w, %r, none, %l) v14 {hidden_size = 4 : i64, activations = ["HardSigmoid", "softsign", "Elu"], activation_alpha = array<f32: 0.3, 0.5>} : (tensor<5x2x3xf32, ["T", "", ""]>, tensor<1x16x3xf32>, tensor<1x16x4xf32>, none, tensor<2xi32>) -> (tensor<5x1x2x4xf32, ["T", "", "", ""]>, tensor<1x2x4xf32>)
  func.return %h : tensor<1x2x4xf32>
}

// -----

// CHECK-LABEL: func.func @scan
// CHECK-NEXT: [[X:%.+]] = nn.transpose %x perm [1, 0]
// CHECK-NEXT: [[S:%.+]], [[Y:%.+]] = rnn.scan %{{.+}} of 5 each(%xi = reverse [[X]] : tensor<5x2xf32>) carry(%si = %s0 : tensor<2xf32>) -> (reverse tensor<5x2xf32>) {
// CHECK-NEXT:   [[N:%.+]] = onnx.Add(%si, %xi)
// CHECK-NEXT:   rnn.yield [[N]], [[N]]
// CHECK-NEXT: } {onnx.node = "loop"}
// CHECK-NEXT: [[Z:%.+]] = nn.transpose [[Y]] perm [1, 0]
// CHECK-NEXT: func.return [[S]], [[Z]]
func.func @scan(%x: tensor<2x5xf32>, %s0: tensor<2xf32>) -> (tensor<2xf32>, tensor<2x5xf32>) {
  %s, %y = onnx.Scan(%s0, %x) v11 {num_scan_inputs = 1 : i64, scan_input_axes = array<i64: -1>, scan_output_axes = array<i64: -1>, scan_input_directions = array<i64: 1>, scan_output_directions = array<i64: 1>, onnx.node = "loop"} : (tensor<2xf32>, tensor<2x5xf32>) -> (tensor<2xf32>, tensor<2x5xf32>) body {
  ^body(%si: tensor<2xf32>, %xi: tensor<2xf32>):
    %n = onnx.Add(%si, %xi) v14 : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    onnx.Yield %n, %n : tensor<2xf32>, tensor<2xf32>
  }
  func.return %s, %y : tensor<2xf32>, tensor<2x5xf32>
}

// -----

// A trip count known at run time, at most the declared number of rows.
// CHECK-LABEL: func.func @loop
// CHECK: nn.select %go, %n
// CHECK: nn.binary max
// CHECK: [[STEPS:%.+]] = nn.binary min
// CHECK: [[Y:%.+]] = rnn.scan %i of 9 carry({{%.+}} = %s0 : tensor<2xf32>) steps([[STEPS]] : tensor<i64>) -> (tensor<9x2xf32>) {
// CHECK: func.return {{%.+}}, [[STEPS]] : tensor<9x2xf32>, tensor<i64>
func.func @loop(%n: tensor<i64>, %go: tensor<i1>, %s0: tensor<2xf32>) -> tensor<9x2xf32> attributes {rnncc.outputs = ["y"]} {
  %s, %y = onnx.Loop(%n, %go, %s0) v13 : (tensor<i64>, tensor<i1>, tensor<2xf32>) -> (tensor<2xf32>, tensor<9x2xf32>) body {
  ^body(%i: tensor<i64>, %c: tensor<i1>, %s: tensor<2xf32>):
    %m = onnx.Add(%s, %s) v14 : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    onnx.Yield %c, %m, %s : tensor<i1>, tensor<2xf32>, tensor<2xf32>
  }
  func.return %y : tensor<9x2xf32>
}

// -----

// The body decides: a while that carries the condition. What is stacked has a count of its rows beside it.
// CHECK-LABEL: func.func @decides
// CHECK-SAME: -> (tensor<2xf32>, tensor<9x2xf32>, tensor<i64>) attributes {rnncc.outputs = ["s", "y", "rnncc.count.y"]}
// CHECK: [[C:%.+]], [[S:%.+]], [[DONE:%.+]], [[Y:%.+]] = rnn.while of 9 carry({{%.+}} : tensor<i1>, %s0 : tensor<2xf32>) -> (tensor<9x2xf32>) if ({{%.+}}, [[GO:%.+]], {{%.+}}) {
// CHECK-NEXT: rnn.yield [[GO]] : tensor<i1>
// CHECK: func.return [[S]], [[Y]], [[DONE]]
func.func @decides(%limit: tensor<f32>, %s0: tensor<2xf32>) -> (tensor<2xf32>, tensor<9x2xf32>) attributes {rnncc.outputs = ["s", "y"]} {
  %nine = onnx.Constant() v13 {value = dense<9> : tensor<i64>} : () -> tensor<i64>
  %s, %y = onnx.Loop(%nine, none, %s0) v13 : (tensor<i64>, none, tensor<2xf32>) -> (tensor<2xf32>, tensor<9x2xf32>) body {
  ^body(%i: tensor<i64>, %c: tensor<i1>, %s: tensor<2xf32>):
    %m = onnx.Add(%s, %s) v14 : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    %t = onnx.ReduceSum(%m, none) v13 {keepdims = 0 : i64} : (tensor<2xf32>, none) -> tensor<f32>
    %again = onnx.Less(%t, %limit) v13 : (tensor<f32>, tensor<f32>) -> tensor<i1>
    onnx.Yield %again, %m, %s : tensor<i1>, tensor<2xf32>, tensor<2xf32>
  }
  func.return %s, %y : tensor<2xf32>, tensor<9x2xf32>
}

// -----

func.func @read(%n: tensor<i64>, %s0: tensor<2xf32>) -> tensor<9x2xf32> attributes {rnncc.outputs = ["y"]} {
  // CHECK: Loop node 'loop': its output 'y' has as many rows as the loop has iterations, known only at run time
  %s, %y = onnx.Loop(%n, none, %s0) v13 {onnx.node = "loop"} : (tensor<i64>, none, tensor<2xf32>) -> (tensor<2xf32>, tensor<9x2xf32>) body {
  ^body(%i: tensor<i64>, %c: tensor<i1>, %s: tensor<2xf32>):
    onnx.Yield %c, %s, %s : tensor<i1>, tensor<2xf32>, tensor<2xf32>
  }
  %z = onnx.Exp(%y) v13 : (tensor<9x2xf32>) -> tensor<9x2xf32>
  func.return %z : tensor<9x2xf32>
}

// -----

func.func @unbounded(%n: tensor<i64>, %s0: tensor<2xf32>) -> tensor<2xf32> {
  // CHECK: Loop node 'loop': its trip count is known only at run time, and neither its condition nor a scan output's shape bounds it
  // CHECK-NEXT: make the trip count a constant, compare a counter with a constant in the condition
  %s = onnx.Loop(%n, none, %s0) v13 {onnx.node = "loop"} : (tensor<i64>, none, tensor<2xf32>) -> tensor<2xf32> body {
  ^body(%i: tensor<i64>, %c: tensor<i1>, %s: tensor<2xf32>):
    onnx.Yield %c, %s : tensor<i1>, tensor<2xf32>
  }
  func.return %s : tensor<2xf32>
}

// -----

func.func @hidden(%x: tensor<5x2x3xf32>, %w: tensor<1x4x3xf32>, %r: tensor<1x4x4xf32>) -> tensor<1x2x4xf32> {
  // CHECK: RNN node 'cell': hidden_size is 5, but R has the shape [1, 4, 4]
  %h = onnx.RNN(%x, %w, %r) v14 {hidden_size = 5 : i64, onnx.node = "cell"} : (tensor<5x2x3xf32>, tensor<1x4x3xf32>, tensor<1x4x4xf32>) -> (none, tensor<1x2x4xf32>)
  func.return %h : tensor<1x2x4xf32>
}

// -----

func.func @name(%x: tensor<5x2x3xf32>, %w: tensor<1x4x3xf32>, %r: tensor<1x4x4xf32>) -> tensor<1x2x4xf32> {
  // CHECK: RNN node 'cell': activation 'Tanhh' is unknown
  // CHECK-NEXT: did you mean 'Tanh'?
  %h = onnx.RNN(%x, %w, %r) v14 {hidden_size = 4 : i64, activations = ["Tanhh"], onnx.node = "cell"} : (tensor<5x2x3xf32>, tensor<1x4x3xf32>, tensor<1x4x4xf32>) -> (none, tensor<1x2x4xf32>)
  func.return %h : tensor<1x2x4xf32>
}

// -----

func.func @default(%x: tensor<5x2x3xf32>, %w: tensor<1x4x3xf32>, %r: tensor<1x4x4xf32>) -> tensor<1x2x4xf32> {
  // CHECK: activation 'ScaledTanh' has no default parameters in the ONNX specification
  %h = onnx.RNN(%x, %w, %r) v14 {hidden_size = 4 : i64, activations = ["ScaledTanh"]} : (tensor<5x2x3xf32>, tensor<1x4x3xf32>, tensor<1x4x4xf32>) -> (none, tensor<1x2x4xf32>)
  func.return %h : tensor<1x2x4xf32>
}

// -----

func.func @clip(%x: tensor<5x2x3xf32>, %w: tensor<1x4x3xf32>, %r: tensor<1x4x4xf32>) -> tensor<1x2x4xf32> {
  // CHECK: clip must be positive, not -1.0
  %h = onnx.RNN(%x, %w, %r) v14 {hidden_size = 4 : i64, clip = -1.0 : f32} : (tensor<5x2x3xf32>, tensor<1x4x3xf32>, tensor<1x4x4xf32>) -> (none, tensor<1x2x4xf32>)
  func.return %h : tensor<1x2x4xf32>
}
