// RUN: rnncc opt %s -p "unroll-timesteps{factor=2}" | filecheck %s
// RUN: rnncc opt %s -p "unroll-timesteps{factor=2},lower-to-npu" | filecheck %s --check-prefix NPU
// RUN: rnncc opt %s -p "unroll-timesteps{factor=1}" | filecheck %s --check-prefix ONE
// RUN: rnncc opt %s -p "unroll-timesteps{factor=auto},lower-lengths" | filecheck %s --check-prefix AUTO
// RUN: rnncc opt %s -p "unroll-timesteps{factor=0}" --verify-diagnostics | filecheck %s --check-prefix BAD

// A mark that lower-to-npu obeys: two steps a turn, and the fifth behind the loop.
// CHECK-LABEL: func.func @main
// CHECK-SAME: "unroll-timesteps: 'a' does 2 steps a turn"
// CHECK: rnn.unroll = 2 : i64
// NPU: npu.loop {{%.+}} = 2
// NPU-COUNT-2: npu.binary add
// NPU: }
// NPU-COUNT-1: npu.binary add
// NPU-NOT: npu.binary add
// ONE-NOT: rnn.unroll
// AUTO: "unroll-timesteps: 'a' {{.*}} cycles (tried: {{.*}} with 2
// BAD: unroll-timesteps{factor=0}: the factor is a whole number from 1 on, or auto
func.func @main(%x: tensor<5x2xf32>, %h: tensor<2xf32>) -> (tensor<2xf32>) attributes {rnncc.inputs = ["x", "h"], rnncc.outputs = ["y"]} {
  %a = rnn.scan %t of 5 each(%xt = %x : tensor<5x2xf32>) carry(%s = %h : tensor<2xf32>) {
    %n = nn.binary add %s, %xt : tensor<2xf32>, tensor<2xf32> -> tensor<2xf32>
    rnn.yield %n : tensor<2xf32>
  } {onnx.node = "a"}
  func.return %a : tensor<2xf32>
}
