// RUN: rnncc opt %s --verify-diagnostics --split-input-file | filecheck %s

func.func @main(%x: tensor<2x3xf32>, %y: tensor<4x3xf32>) {
  %0 = "nn.binary"(%x, %y) <{kind = "add"}> : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<4x3xf32>
  func.return
}
// CHECK: nn.binary: the shapes [2, 3] with [4, 3] do not broadcast

// -----

func.func @main(%x: tensor<2x3xf32, ["T", ""]>, %y: tensor<2x3xf32>) {
  %0 = "nn.binary"(%x, %y) <{kind = "add"}> : (tensor<2x3xf32, ["T", ""]>, tensor<2x3xf32>) -> tensor<2x3xf32>
  func.return
}
// CHECK: broadcast only when the run-time length is at its maximum

// -----

func.func @main(%x: tensor<2x3xf32>) {
  %0 = nn.unary tanhh %x : tensor<2x3xf32> -> tensor<2x3xf32>
  func.return
}
// CHECK: no kind 'tanhh'

// -----

func.func @main(%x: tensor<2x3xi64>) {
  %0 = nn.unary exp %x : tensor<2x3xi64> -> tensor<2x3xi64>
  func.return
}
// CHECK: nn.unary: exp is not defined on i64

// -----

func.func @main(%x: tensor<2x3xf32>) {
  %0 = nn.matmul %x, %x : tensor<2x3xf32>, tensor<2x3xf32> -> tensor<2x3xf32>
  func.return
}
// CHECK: nn.matmul: matmul contracts 3 of [2, 3] with 2 of [2, 3]

// -----

func.func @main(%x: tensor<2x3xf32>) {
  %0 = nn.transpose %x perm [1, 0] : tensor<2x3xf32> -> tensor<2x3xf32>
  func.return
}
// CHECK: nn.transpose: the result is tensor<3x2xf32>, not tensor<2x3xf32>

// -----

func.func @main(%x: tensor<2x3xf32>) {
  %0 = nn.slice %x starts [0, 2] sizes [2, 2] steps [1, 1] : tensor<2x3xf32> -> tensor<2x2xf32>
  func.return
}
// CHECK: nn.slice: the slice from 2 to 3 leaves a dimension of 3

// -----

func.func @main(%x: tensor<4x3xf32, ["T", ""]>) {
  %0 = nn.slice %x starts [1, 0] sizes [2, 3] steps [1, 1] : tensor<4x3xf32, ["T", ""]> -> tensor<2x3xf32>
  func.return
}
// CHECK: nn.slice: a fixed slice of the run-time length 'T'

// -----

func.func @main(%x: tensor<4x3xf32, ["T", ""]>) {
  %0 = nn.reshape %x : tensor<4x3xf32, ["T", ""]> -> tensor<12xf32>
  func.return
}
// CHECK: holds for one length only

// -----

func.func @main(%x: tensor<4x3xf32>) {
  %0 = nn.reduce sum %x axes [1, 0] : tensor<4x3xf32> -> tensor<f32>
  func.return
}
// CHECK: nn.reduce: the axes [1, 0] are not increasing
