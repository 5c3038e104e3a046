// RUN: rnncc opt %s -p canonicalize --split-input-file | filecheck %s

// CHECK-LABEL: func.func @moves
// CHECK-NEXT: func.return %x
func.func @moves(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %0 = nn.transpose %x perm [2, 0, 1] : tensor<2x3x4xf32> -> tensor<4x2x3xf32>
  %1 = nn.transpose %0 perm [1, 2, 0] : tensor<4x2x3xf32> -> tensor<2x3x4xf32>
  %2 = nn.reshape %1 : tensor<2x3x4xf32> -> tensor<24xf32>
  %3 = nn.reshape %2 : tensor<24xf32> -> tensor<2x3x4xf32>
  %4 = nn.slice %3 starts [0, 0, 0] sizes [2, 3, 4] steps [1, 1, 1] : tensor<2x3x4xf32> -> tensor<2x3x4xf32>
  %5 = nn.cast %4 : tensor<2x3x4xf32> -> tensor<2x3x4xf32>
  %6 = nn.concat %5 axis 1 : tensor<2x3x4xf32> -> tensor<2x3x4xf32>
  func.return %6 : tensor<2x3x4xf32>
}

// -----

// Zero with the sign that matters: x + 0.0 would turn -0.0 into 0.0.
// CHECK-LABEL: func.func @zeros
// CHECK: [[R:%.+]] = nn.binary add
// CHECK-NEXT: func.return [[R]]
func.func @zeros(%x: tensor<4xf32>) -> tensor<4xf32> {
  %zero = nn.constant dense<0.0> : tensor<f32>
  %one = nn.constant dense<1.0> : tensor<f32>
  %0 = nn.binary sub %x, %zero : tensor<4xf32>, tensor<f32> -> tensor<4xf32>
  %1 = nn.binary mul %one, %0 : tensor<f32>, tensor<4xf32> -> tensor<4xf32>
  %2 = nn.binary add %1, %zero : tensor<4xf32>, tensor<f32> -> tensor<4xf32>
  func.return %2 : tensor<4xf32>
}

// -----

// CHECK-LABEL: func.func @fold
// CHECK-NEXT: [[C:%.+]] = nn.constant #nn.weight<"", tensor<2xi64>, "0x04000000000000000600000000000000">
// CHECK-NEXT: func.return [[C]]
func.func @fold() -> tensor<2xi64> {
  %0 = nn.constant dense<[1, 2, 3]> : tensor<3xi64>
  %1 = nn.slice %0 starts [1] sizes [2] steps [1] : tensor<3xi64> -> tensor<2xi64>
  %2 = nn.binary add %1, %1 : tensor<2xi64>, tensor<2xi64> -> tensor<2xi64>
  func.return %2 : tensor<2xi64>
}

// -----

// CHECK-LABEL: func.func @weights
// CHECK-NEXT: [[W:%.+]] = nn.constant #nn.weight<"W", tensor<1x2xf32>, "0x0000803F00000040">
// CHECK-NEXT: nn.matmul %x, [[W]] transpose_b {onnx.node = "fc"}
func.func @weights(%x: tensor<3x2xf32>) -> tensor<3x1xf32> {
  %w = nn.constant #nn.weight<"W", tensor<2x1xf32>, "0x0000803F00000040">
  %0 = nn.matmul %x, %w {onnx.node = "fc"} : tensor<3x2xf32>, tensor<2x1xf32> -> tensor<3x1xf32>
  func.return %0 : tensor<3x1xf32>
}

// -----

// CHECK-LABEL: func.func @choice
// CHECK-NEXT: [[B:%.+]] = nn.broadcast %x : tensor<1x4xf32> -> tensor<3x4xf32>
// CHECK-NEXT: func.return [[B]]
func.func @choice(%x: tensor<1x4xf32>, %y: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %c = nn.constant dense<true> : tensor<i1>
  %0 = nn.select %c, %x, %y : tensor<i1>, tensor<1x4xf32>, tensor<3x4xf32> -> tensor<3x4xf32>
  func.return %0 : tensor<3x4xf32>
}

// -----

// A bias on the left of a reshaped product ends beside the product.
// CHECK-LABEL: func.func @bias
// CHECK: [[P:%.+]] = nn.matmul %x, {{%.+}} transpose_b
// CHECK-NEXT: [[S:%.+]] = nn.binary add [[P]], {{%.+}} : tensor<6x2xf32>, tensor<2xf32> -> tensor<6x2xf32>
// CHECK-NEXT: [[R:%.+]] = nn.reshape [[S]]
// CHECK-NEXT: func.return [[R]]
func.func @bias(%x: tensor<6x1xf32>) -> tensor<3x2x2xf32> {
  %w = nn.constant dense<[[1.5], [2.5]]> : tensor<2x1xf32>
  %b = nn.constant dense<[0.5, 1.5]> : tensor<2xf32>
  %0 = nn.matmul %x, %w transpose_b : tensor<6x1xf32>, tensor<2x1xf32> -> tensor<6x2xf32>
  %1 = nn.reshape %0 : tensor<6x2xf32> -> tensor<3x2x2xf32>
  %2 = nn.binary add %b, %1 : tensor<2xf32>, tensor<3x2x2xf32> -> tensor<3x2x2xf32>
  func.return %2 : tensor<3x2x2xf32>
}
