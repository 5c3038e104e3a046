// RUN: rnncc opt %s -p place-memory{target=edge},tile-for-machine{target=edge} --split-input-file --verify-diagnostics | filecheck %s

// What fits is not cut.
// CHECK-LABEL: func.func @main
// CHECK-NOT: npu.tile
// CHECK: func.return
func.func @main(%x: tensor<4x8xf32>, %w: tensor<8x8xf32>) -> tensor<4x8xf32> {
  %p = nn.matmul %x, %w : tensor<4x8xf32>, tensor<8x8xf32> -> tensor<4x8xf32>
  func.return %p : tensor<4x8xf32>
}

// -----

// Streamed weights: panels of whole rows, as many as the cycles of a step ask for.
// CHECK-LABEL: func.func @main
// CHECK: nn.matmul {{.*}} npu.panel = [[ROWS:[0-9]+]] : i64, {{.*}} npu.tile = array<i64: 1, [[ROWS]], 4096>
func.func @main(%x: tensor<1x4096xf32>, %w: tensor<4096x4096xf32>) -> tensor<1x4096xf32> {
  %h = rnn.scan %t of 9 carry(%s = %x : tensor<1x4096xf32>) -> () {
    %a = nn.matmul %s, %w : tensor<1x4096xf32>, tensor<4096x4096xf32> -> tensor<1x4096xf32>
    rnn.yield %a : tensor<1x4096xf32>
  }
  func.return %h : tensor<1x4096xf32>
}

// -----

// Off-chip tensors pass through blocks; a reduced axis stays whole.
// CHECK-LABEL: func.func @main
// CHECK: nn.unary exp {{.*}} npu.tile = array<i64: {{[0-9]+}}, 8>
// CHECK: nn.softmax {{.*}} npu.tile = array<i64: 1, 10000>
func.func @main(%x: tensor<100000x8xf32>, %y: tensor<8x10000xf32>) -> (tensor<100000x8xf32>, tensor<8x10000xf32>) {
  %e = nn.unary exp %x : tensor<100000x8xf32> -> tensor<100000x8xf32>
  %s = nn.softmax %y axis 1 : tensor<8x10000xf32> -> tensor<8x10000xf32>
  func.return %e, %s : tensor<100000x8xf32>, tensor<8x10000xf32>
}

// -----

// Not even one row: the node is named.
// CHECK: node 'soft' (nn.softmax): one block takes
func.func @main(%x: tensor<2x1000000xf32>) -> tensor<2x1000000xf32> {
  %s = nn.softmax %x axis 1 {onnx.node = "soft"} : tensor<2x1000000xf32> -> tensor<2x1000000xf32>
  func.return %s : tensor<2x1000000xf32>
}
