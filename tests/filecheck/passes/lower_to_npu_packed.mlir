// RUN: rnncc opt %s -p lower-lengths,place-memory,lower-to-npu | filecheck %s

// Between the ends of two sequences the rows that run are as many: their number is a register.
// CHECK: npu.loop
// CHECK: [[ROWS:%.+]] = npu.scalar sub
// CHECK: npu.read
// CHECK: npu.read
// CHECK: npu.loop
// CHECK: npu.mm {{.*}}[[ROWS]]
func.func @main(%x: tensor<5x4x2xf32>, %l: tensor<4xi32>) -> (tensor<4x2xf32>, tensor<5x4x2xf32>) attributes {rnncc.inputs = ["x", "l"], rnncc.outputs = ["h", "y"], rnncc.symbols = {}} {
  %r = nn.constant dense<[[1.0, 2.0], [3.0, 4.5]]> : tensor<2x2xf32>
  %h0 = nn.constant dense<[[0.5, 0.25], [0.5, 0.25], [0.5, 0.25], [0.5, 0.25]]> : tensor<4x2xf32>
  %y, %ys = rnn.scan %t of 5 each(%xt = %x : tensor<5x4x2xf32>) carry(%h = %h0 : tensor<4x2xf32>) lens(%l : tensor<4xi32>) -> (tensor<5x4x2xf32>) {
    %p = nn.matmul %h, %r transpose_b : tensor<4x2xf32>, tensor<2x2xf32> -> tensor<4x2xf32>
    %s = nn.binary add %p, %xt : tensor<4x2xf32>, tensor<4x2xf32> -> tensor<4x2xf32>
    rnn.yield %s, %s : tensor<4x2xf32>, tensor<4x2xf32>
  } {rnn.packed}
  func.return %y, %ys : tensor<4x2xf32>, tensor<5x4x2xf32>
}
