// RUN: rnncc compile %s --emit asm | filecheck %s
// RUN: rnncc compile %s --emit npu | filecheck %s --check-prefix=NPU
// A loop that a number in memory ends: tested in a register, left by breakz; what does not wait for the test may go before it.

// NPU: npu.loop [[I:%.+]] = 9 {
// NPU: npu.unary tanh
// NPU: [[R:%.+]] = npu.read
// NPU-NEXT: [[C:%.+]] = npu.scalar lt [[R]]
// NPU-NEXT: npu.break [[C]]
// NPU: npu.dma

// CHECK: loop [[I:r[0-9]+]], 9
// CHECK-NEXT: unary.tanh
// CHECK-NEXT: s.read [[R:r[0-9]+]], i64
// CHECK-NEXT: s.lt [[C:r[0-9]+]], [[R]], 3
// CHECK-NEXT: breakz [[C]]
// CHECK: dma f32 [1, 1, 8] dram[ys + [[I]]*32 : 0, 0, 4]
// CHECK: endloop
// CHECK: dma i64 dram[n]
func.func @main(%x: tensor<1x8xf32>) -> (tensor<i64>, tensor<9x1x8xf32>) attributes {rnncc.inputs = ["x"], rnncc.outputs = ["n", "ys"]} {
  %k0 = nn.constant dense<0> : tensor<i64>
  %h, %k, %n, %ys = rnn.while of 9 carry(%x : tensor<1x8xf32>, %k0 : tensor<i64>) -> (tensor<9x1x8xf32>) if (%t, %a, %b) {
    %limit = nn.constant dense<3> : tensor<i64>
    %c = nn.compare lt %b, %limit : tensor<i64>, tensor<i64> -> tensor<i1>
    rnn.yield %c : tensor<i1>
  } do (%t, %a, %b) {
    %y = nn.unary tanh %a : tensor<1x8xf32> -> tensor<1x8xf32>
    %i = nn.arg_reduce argmax %y axis 1 : tensor<1x8xf32> -> tensor<1xi64>
    %j = nn.reshape %i : tensor<1xi64> -> tensor<i64>
    %s = nn.binary add %b, %j : tensor<i64>, tensor<i64> -> tensor<i64>
    rnn.yield %y, %s, %y : tensor<1x8xf32>, tensor<i64>, tensor<1x8xf32>
  }
  func.return %n, %ys : tensor<i64>, tensor<9x1x8xf32>
}
