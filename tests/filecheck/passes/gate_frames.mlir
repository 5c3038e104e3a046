// RUN: rnncc opt %s -p 'gate-frames{threshold=0.25 metric=linf},canonicalize,dce' --split-input-file | filecheck %s
// RUN: rnncc opt %s -p 'gate-frames{threshold=0}' --split-input-file | filecheck %s --check-prefix=ZERO

// The pooling over all frames at once is done behind the gate, frame by frame; the output repeats the state.
// CHECK-LABEL: func.func @main
// CHECK-SAME: (tensor<1x4xf32>, tensor<9x1x4xf32>, tensor<2xi64>)
// CHECK-SAME: rnncc.outputs = ["h", "y", "rnncc.skipped.0.cell"]
// CHECK-SAME: "gate-frames: a step of 'cell' is skipped when 16 numbers, together, are within 0.25 (linf) of the last processed step's; 1 pooling and 1 other operation in front of it moved behind the gate"
// CHECK-SAME: rnncc.approximate = ["gate-frames{threshold=0.25 metric=linf}"]
// CHECK-NOT: nn.pool
// CHECK: rnn.scan %{{.+}} of 9 each([[F:%.+]] = {{.*}} : tensor<9x1x4x4xf32>)
// CHECK: [[D:%.+]] = nn.binary sub
// CHECK-NEXT: [[A:%.+]] = nn.unary abs [[D]]
// CHECK-NEXT: nn.reduce max [[A]] axes [1]
// CHECK: nn.compare le
// CHECK: [[R:%[^,]+]], {{.*}} = rnn.if
// CHECK-NEXT: rnn.yield
// CHECK-NEXT: } else {
// CHECK: nn.pool max
// CHECK: nn.unary tanh
// CHECK: } {onnx.node = "cell"}
// CHECK-NEXT: rnn.yield [[R]], {{.*}}, [[R]] :
// ZERO-LABEL: func.func @main
// ZERO-SAME: "gate-frames: threshold 0: no step can be skipped without changing the result"
// ZERO-NOT: rnn.if
func.func @main(%x: tensor<9x1x4x4xf32>, %h: tensor<1x4xf32>) -> (tensor<1x4xf32>, tensor<9x1x4xf32>) attributes {rnncc.inputs = ["x", "h"], rnncc.outputs = ["h", "y"]} {
  %p = nn.pool max %x kernel [2, 2] strides [2, 2] dilations [1, 1] low [0, 0] high [0, 0] : tensor<9x1x4x4xf32> -> tensor<9x1x2x2xf32>
  %f = nn.reshape %p : tensor<9x1x2x2xf32> -> tensor<9x1x4xf32>
  %r, %y = rnn.scan %t of 9 each(%ft = %f : tensor<9x1x4xf32>) carry(%s = %h : tensor<1x4xf32>) -> (tensor<9x1x4xf32>) {
    %a = nn.binary add %s, %ft : tensor<1x4xf32>, tensor<1x4xf32> -> tensor<1x4xf32>
    %n = nn.unary tanh %a : tensor<1x4xf32> -> tensor<1x4xf32>
    rnn.yield %n, %n : tensor<1x4xf32>, tensor<1x4xf32>
  } {onnx.node = "cell"}
  func.return %r, %y : tensor<1x4xf32>, tensor<9x1x4xf32>
}

// -----

// Words are not near one another.
// CHECK-LABEL: func.func @main
// CHECK-SAME: "gate-frames: 'cell' is not gated: its inputs are words or flags, which are not near one another"
// CHECK-NOT: rnn.if
func.func @main(%x: tensor<9x1xi64>, %h: tensor<1xi64>) -> tensor<1xi64> {
  %r = rnn.scan %t of 9 each(%xt = %x : tensor<9x1xi64>) carry(%s = %h : tensor<1xi64>) {
    %a = nn.binary add %s, %xt : tensor<1xi64>, tensor<1xi64> -> tensor<1xi64>
    rnn.yield %a : tensor<1xi64>
  } {onnx.node = "cell"}
  func.return %r : tensor<1xi64>
}
