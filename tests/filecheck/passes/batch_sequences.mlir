// RUN: rnncc opt %s -p "batch-sequences{size=4},canonicalize" --split-input-file --verify-diagnostics | filecheck %s
// RUN: rnncc opt %s -p "batch-sequences{size=4 ragged=true}" --split-input-file --verify-diagnostics | filecheck %s --check-prefix RAGGED
// RUN: rnncc opt %s -p "batch-sequences{size=4 policy=pack order=machine}" --split-input-file --verify-diagnostics | filecheck %s --check-prefix PACK
// RUN: rnncc opt %s -p "batch-sequences{size=4 policy=pack}" | filecheck %s --check-prefix HOST

// The matrix-vector product becomes a matrix-matrix product; the weights stay shared.
// CHECK-LABEL: func.func @main
// CHECK-SAME: (%x: tensor<5x4x2xf32, ["T", "", ""]>) -> tensor<4x2xf32>
// CHECK: nn.matmul %h, [[R:%.+]] transpose_b : tensor<4x2xf32>, tensor<2x2xf32> -> tensor<4x2xf32>

// Lengths that differ are one more input.
// RAGGED-LABEL: func.func @main
// RAGGED-SAME: (%x: tensor<5x4x2xf32, ["T", "", ""]>, %lengths: tensor<4xi32>)
// RAGGED-SAME: rnncc.inputs = ["x", "lengths"]
// RAGGED: rnn.scan {{.*}} lens(%lengths : tensor<4xi32>) {

// Packed: the host orders the rows, which the signature says.
// HOST: rnncc.batch = {lengths = 1 : i64, maximum = 5 : i64, symbol = "T", order = "host", inputs = array<i64: 1, 0>, outputs = array<i64: 0>}
// HOST-NOT: nn.gather
// HOST: rnn.scan {{.*}} lens(%lengths : tensor<4xi32>) {
// HOST: } {rnn.packed}

// Packed on the machine: rows are gathered in order of length, and put back.
// PACK-LABEL: func.func @main
// PACK: [[L:%.+]] = nn.gather %lengths, [[O:%.+]] axis 0
// PACK: nn.gather %x, [[O]] axis 1
// PACK: rnn.scan {{.*}} lens([[L]] : tensor<4xi32>) {
// PACK: } {rnn.packed}
// PACK: nn.gather {{.*}} axis 0 : tensor<4x2xf32>
func.func @main(%x: tensor<5x1x2xf32, ["T", "", ""]>) -> tensor<1x2xf32> attributes {rnncc.inputs = ["x"], rnncc.outputs = ["h"], rnncc.symbols = {T = 5 : i64}} {
  %r = nn.constant dense<[[1.0, 2.0], [3.0, 4.5]]> : tensor<2x2xf32>
  %h0 = nn.constant dense<[[0.5, 0.25]]> : tensor<1x2xf32>
  %y = rnn.scan %t of 5 "T" each(%xt = %x : tensor<5x1x2xf32, ["T", "", ""]>) carry(%h = %h0 : tensor<1x2xf32>) {
    %p = nn.matmul %h, %r : tensor<1x2xf32>, tensor<2x2xf32> -> tensor<1x2xf32>
    %s = nn.binary add %p, %xt : tensor<1x2xf32>, tensor<1x2xf32> -> tensor<1x2xf32>
    rnn.yield %s : tensor<1x2xf32>
  }
  func.return %y : tensor<1x2xf32>
}
