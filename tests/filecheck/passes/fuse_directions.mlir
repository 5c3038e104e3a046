// RUN: rnncc opt %s -p "fuse-directions" | filecheck %s
// RUN: rnncc opt %s -p "decompose-cells,fuse-directions" --verify-diagnostics | filecheck %s --check-prefix CELLS
// RUN: rnncc opt %s -p "fuse-directions{max-scans=1}" --verify-diagnostics | filecheck %s --check-prefix BAD

// RUN: rnncc opt %s -p "fuse-directions{measure=true}" | filecheck %s --check-prefix UNTIMED

// A module that is no program cannot be measured, and is left alone.
// UNTIMED: "fuse-directions: nothing is changed, the program cannot be timed: lower-to-npu needs one function

// One scan with the inputs, states and outputs of both; what reads the first one comes after it.
// CHECK-LABEL: func.func @halves
// CHECK-SAME: "fuse-directions: 2 recurrences (a recurrence without a name) advance together, 5 steps"
// CHECK: [[Y:%.+]], [[Z:%.+]], {{%.+}}, {{%.+}} = rnn.scan {{%.+}} of 5
// CHECK-SAME: each([[A:%.+]] = {{%.+}} : tensor<5x2xf32>, [[B:%.+]] = reverse {{%.+}} : tensor<5x2xf32>)
// CHECK-SAME: carry([[H:%.+]] = {{%.+}} : tensor<2xf32>, [[G:%.+]] = {{%.+}} : tensor<2xf32>)
// CHECK-SAME: -> (tensor<5x2xf32>, reverse tensor<5x2xf32>)
// CHECK-NEXT: [[P:%.+]] = nn.binary add [[H]], [[A]]
// CHECK-NEXT: [[Q:%.+]] = nn.binary mul [[G]], [[B]]
// CHECK-NEXT: rnn.yield [[P]], [[Q]], [[P]], [[Q]]
// CHECK: nn.unary tanh [[Y]]
// CHECK-NOT: rnn.scan
func.func @halves(%x: tensor<5x2xf32>, %h: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<5x2xf32>, tensor<5x2xf32>) {
  %a, %ys = rnn.scan %t of 5 each(%xt = %x : tensor<5x2xf32>) carry(%s = %h : tensor<2xf32>) -> (tensor<5x2xf32>) {
    %n = nn.binary add %s, %xt : tensor<2xf32>, tensor<2xf32> -> tensor<2xf32>
    rnn.yield %n, %n : tensor<2xf32>, tensor<2xf32>
  }
  %u = nn.unary tanh %a : tensor<2xf32> -> tensor<2xf32>
  %b, %zs = rnn.scan %t of 5 each(%xt = reverse %x : tensor<5x2xf32>) carry(%s = %h : tensor<2xf32>) -> (reverse tensor<5x2xf32>) {
    %n = nn.binary mul %s, %xt : tensor<2xf32>, tensor<2xf32> -> tensor<2xf32>
    rnn.yield %n, %n : tensor<2xf32>, tensor<2xf32>
  }
  func.return %u, %b, %ys, %zs : tensor<2xf32>, tensor<2xf32>, tensor<5x2xf32>, tensor<5x2xf32>
}

// The second needs the first; the third has other steps: all stay, with the reason.
// CHECK-LABEL: func.func @apart
// CHECK-SAME: "fuse-directions: 'c' stays alone: it is independent of 'a', but has its own number of steps"
// CHECK-COUNT-3: rnn.scan
func.func @apart(%x: tensor<5xf32>, %y: tensor<4xf32>, %h: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
  %a = rnn.scan %t of 5 each(%xt = %x : tensor<5xf32>) carry(%s = %h : tensor<f32>) {
    %n = nn.binary add %s, %xt : tensor<f32>, tensor<f32> -> tensor<f32>
    rnn.yield %n : tensor<f32>
  } {onnx.node = "a"}
  %b = rnn.scan %t of 5 each(%xt = %x : tensor<5xf32>) carry(%s = %a : tensor<f32>) {
    %n = nn.binary mul %s, %xt : tensor<f32>, tensor<f32> -> tensor<f32>
    rnn.yield %n : tensor<f32>
  } {onnx.node = "b"}
  %c = rnn.scan %t of 4 each(%yt = %y : tensor<4xf32>) carry(%s = %h : tensor<f32>) {
    %n = nn.binary mul %s, %yt : tensor<f32>, tensor<f32> -> tensor<f32>
    rnn.yield %n : tensor<f32>
  } {onnx.node = "c"}
  func.return %b, %c : tensor<f32>, tensor<f32>
}

// A bidirectional layer.
// CELLS-LABEL: func.func @cells
// CELLS-COUNT-1: rnn.scan
// CELLS-NOT: rnn.scan
func.func @cells(%x: tensor<3x1x2xf32>, %w: tensor<2x2xf32>, %r: tensor<2x2xf32>) -> (tensor<3x1x2xf32>, tensor<3x1x2xf32>) {
  %y, %h = rnn.elman %x, %w, %r {hidden = 2 : i64, activations = ["tanh"], alphas = array<f32: 0.0>, betas = array<f32: 0.0>} : (tensor<3x1x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>) -> (tensor<3x1x2xf32>, tensor<1x2xf32>)
  %z, %g = rnn.elman %x, %w, %r {hidden = 2 : i64, reverse, activations = ["tanh"], alphas = array<f32: 0.0>, betas = array<f32: 0.0>} : (tensor<3x1x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>) -> (tensor<3x1x2xf32>, tensor<1x2xf32>)
  func.return %y, %z : tensor<3x1x2xf32>, tensor<3x1x2xf32>
}

// BAD: fuse-directions{max-scans=1}: one scan is made of 2 or more
