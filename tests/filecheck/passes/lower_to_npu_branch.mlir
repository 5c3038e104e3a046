// RUN: rnncc opt %s -p lower-to-npu | filecheck %s

// The condition is read by the control engine; the new state is computed in its own place; the way that keeps it is empty.
// CHECK: [[H:%.+]] = npu.alloc "rnn.scan" : !npu.buffer<1x4xf32, vmem>
// CHECK: npu.dma {{.*}} [1, 4, 4]
// CHECK: npu.loop
// CHECK-NEXT: npu.view
// CHECK-NEXT: [[C:%.+]] = npu.read
// CHECK-NEXT: npu.if [[C]] {
// CHECK: npu.mm
// CHECK-NEXT: [[D:%.+]] = npu.view [[H]]
// CHECK: npu.unary tanh [[D]]
// CHECK-NEXT: }
// CHECK-NEXT: }
func.func @main(%m: tensor<5x1xi1>, %h0: tensor<1x4xf32>, %w: tensor<4x4xf32>) -> tensor<1x4xf32> {
  %last = rnn.scan %t of 5 each(%mt = %m : tensor<5x1xi1>) carry(%s = %h0 : tensor<1x4xf32>) {
    %c = nn.reshape %mt : tensor<1xi1> -> tensor<i1>
    %n = rnn.if %c -> (tensor<1x4xf32>) {
      %a = nn.matmul %s, %w : tensor<1x4xf32>, tensor<4x4xf32> -> tensor<1x4xf32>
      %y = nn.unary tanh %a : tensor<1x4xf32> -> tensor<1x4xf32>
      rnn.yield %y : tensor<1x4xf32>
    } else {
      rnn.yield %s : tensor<1x4xf32>
    }
    rnn.yield %n : tensor<1x4xf32>
  }
  func.return %last : tensor<1x4xf32>
}
