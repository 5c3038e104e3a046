// RUN: rnncc opt %s -p "wavefront-layers,canonicalize,dce" | filecheck %s
// RUN: rnncc opt %s -p "wavefront-layers{max-layers=1}" --verify-diagnostics | filecheck %s --check-prefix BAD
// RUN: rnncc compile %root/samples/language_model/model.onnx --shape tokens=4,1 --shape h0=2,1,128 --shape c0=2,1,128 --static-time --emit rnn -p "front,decompose-cells,hoist-input-projection,wavefront-layers{measure=true}" --target edge | filecheck %s --check-prefix SLOWER
// RUN: rnncc compile %root/samples/language_model/model.onnx --shape tokens=9,1 --shape h0=2,1,128 --shape c0=2,1,128 --static-time --emit rnn -p "front,decompose-cells,hoist-input-projection,wavefront-layers{measure=true}" --target %root/tests/support/deep.toml | filecheck %s --check-prefix FASTER

// Measured: on edge the weights must come from DRAM either way, on a deep machine latency is hidden.
// SLOWER: "wavefront-layers: nothing is changed: the program would take {{[0-9,]+}} cycles, it takes {{[0-9,]+}}"
// SLOWER-COUNT-2: rnn.scan
// FASTER: "wavefront-layers: the program takes {{[0-9,]+}} cycles instead of {{[0-9,]+}}"
// FASTER-COUNT-1: rnn.scan
// FASTER-NOT: rnn.scan

// Known length: a step of layer a before the scan, one of layer b behind it, T - 1 turns.
// CHECK-LABEL: func.func @known
// CHECK-SAME: "wavefront-layers: 2 recurrences ('a', 'b') run together: 6 diagonals instead of 2 times 5 steps"
// CHECK: nn.binary add
// CHECK: [[FROM:%.+]] = nn.slice %x starts [1, 0] sizes [4, 2]
// CHECK: rnn.scan {{%.+}} of 4 each([[X:%.+]] = [[FROM]] : tensor<4x2xf32>)
// CHECK-SAME: carry([[A:%.+]] = {{%.+}} : tensor<2xf32>, [[B:%.+]] = {{%.+}} : tensor<2xf32>)
// CHECK-NEXT: [[NEW:%.+]] = nn.binary add [[A]], [[X]]
// CHECK: nn.unary tanh {{%.+}} : tensor<1x2xf32>
// CHECK: [[LAST:%.+]] = nn.binary mul [[B]]
// CHECK-NEXT: rnn.yield [[NEW]], [[LAST]], [[LAST]]
// CHECK: nn.unary tanh
// CHECK: nn.binary mul
// CHECK: nn.concat
// CHECK-NOT: rnn.scan
func.func @known(%x: tensor<5x2xf32>, %h: tensor<2xf32>) -> (tensor<5x2xf32>) {
  %a, %ys = rnn.scan %t of 5 each(%xt = %x : tensor<5x2xf32>) carry(%s = %h : tensor<2xf32>) -> (tensor<5x2xf32>) {
    %n = nn.binary add %s, %xt : tensor<2xf32>, tensor<2xf32> -> tensor<2xf32>
    rnn.yield %n, %n : tensor<2xf32>, tensor<2xf32>
  } {onnx.node = "a"}
  %us = nn.unary tanh %ys : tensor<5x2xf32> -> tensor<5x2xf32>
  %b, %zs = rnn.scan %t of 5 each(%xt = %us : tensor<5x2xf32>) carry(%s = %h : tensor<2xf32>) -> (tensor<5x2xf32>) {
    %n = nn.binary mul %s, %xt : tensor<2xf32>, tensor<2xf32> -> tensor<2xf32>
    rnn.yield %n, %n : tensor<2xf32>, tensor<2xf32>
  } {onnx.node = "b"}
  func.return %zs : tensor<5x2xf32>
}

// Run-time length: as many turns as there are steps, layer a reads one row ahead.
// CHECK-LABEL: func.func @run_time
// CHECK-SAME: "wavefront-layers: 2 recurrences ('a', 'b') run together: n + 1 diagonals instead of 2 times n steps, n up to 5"
// CHECK: rnn.scan [[S:%.+]] of 5 "T" carry(
// CHECK: nn.binary add [[S]]
// CHECK-NEXT: nn.binary min
// CHECK-NEXT: nn.dynamic_slice %x
// CHECK-NOT: rnn.scan
func.func @run_time(%x: tensor<5x2xf32, ["T", ""]>, %h: tensor<2xf32>) -> (tensor<5x2xf32, ["T", ""]>) attributes {rnncc.symbols = {T = 5 : i64}} {
  %a, %ys = rnn.scan %t of 5 "T" each(%xt = %x : tensor<5x2xf32, ["T", ""]>) carry(%s = %h : tensor<2xf32>) -> (tensor<5x2xf32, ["T", ""]>) {
    %n = nn.binary add %s, %xt : tensor<2xf32>, tensor<2xf32> -> tensor<2xf32>
    rnn.yield %n, %n : tensor<2xf32>, tensor<2xf32>
  } {onnx.node = "a"}
  %b, %zs = rnn.scan %t of 5 "T" each(%xt = %ys : tensor<5x2xf32, ["T", ""]>) carry(%s = %h : tensor<2xf32>) -> (tensor<5x2xf32, ["T", ""]>) {
    %n = nn.binary mul %s, %xt : tensor<2xf32>, tensor<2xf32> -> tensor<2xf32>
    rnn.yield %n, %n : tensor<2xf32>, tensor<2xf32>
  } {onnx.node = "b"}
  func.return %zs : tensor<5x2xf32, ["T", ""]>
}

// The upper layer runs backward over what the lower one makes forward: as above a bidirectional layer.
// CHECK-LABEL: func.func @backward
// CHECK-SAME: "wavefront-layers: 'b' stays apart: it reads what 'a' makes in the other direction, which must be finished first"
// CHECK-COUNT-2: rnn.scan
func.func @backward(%x: tensor<5xf32>, %h: tensor<f32>) -> (tensor<f32>) {
  %a, %ys = rnn.scan %t of 5 each(%xt = %x : tensor<5xf32>) carry(%s = %h : tensor<f32>) -> (tensor<5xf32>) {
    %n = nn.binary add %s, %xt : tensor<f32>, tensor<f32> -> tensor<f32>
    rnn.yield %n, %n : tensor<f32>, tensor<f32>
  } {onnx.node = "a"}
  %b = rnn.scan %t of 5 each(%xt = reverse %ys : tensor<5xf32>) carry(%s = %h : tensor<f32>) {
    %n = nn.binary mul %s, %xt : tensor<f32>, tensor<f32> -> tensor<f32>
    rnn.yield %n : tensor<f32>
  } {onnx.node = "b"}
  func.return %b : tensor<f32>
}

// BAD: wavefront-layers{max-layers=1}: a wavefront has 2 or more layers
