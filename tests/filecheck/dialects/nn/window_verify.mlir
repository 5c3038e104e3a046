// RUN: rnncc opt %s --verify-diagnostics --split-input-file | filecheck %s

func.func @main(%x: tensor<1x3x4x4xf32>, %w: tensor<2x2x3x3xf32>) {
  %c = nn.conv %x, %w strides [1, 1] dilations [1, 1] low [0, 0] high [0, 0] groups 1 : tensor<1x3x4x4xf32>, tensor<2x2x3x3xf32> -> tensor<1x2x2x2xf32>
  func.return
}
// CHECK: conv of 3 channels with weights [2, 2, 3, 3] in 1 groups

// -----

func.func @main(%x: tensor<1x3x4x4xf32, ["", "", "T", ""]>, %w: tensor<2x3x3x3xf32>) {
  %c = nn.conv %x, %w strides [1, 1] dilations [1, 1] low [0, 0] high [0, 0] groups 1 : tensor<1x3x4x4xf32, ["", "", "T", ""]>, tensor<2x3x3x3xf32> -> tensor<1x2x2x2xf32>
  func.return
}
// CHECK: conv over the run-time length 'T' of axis 2

// -----

func.func @main(%x: tensor<1x3x4x4xf32>, %w: tensor<2x3x3x3xf32>) {
  %c = nn.conv %x, %w strides [1, 1] dilations [2, 2] low [0, 0] high [0, 0] groups 1 : tensor<1x3x4x4xf32>, tensor<2x3x3x3xf32> -> tensor<1x2x2x2xf32>
  func.return
}
// CHECK: a window of 5 elements does not fit the 4 of spatial dimension 0

// -----

func.func @main(%x: tensor<1x3x4xf32>) {
  %c = nn.pool average %x kernel [1] strides [1] dilations [1] low [1] high [0] : tensor<1x3x4xf32> -> tensor<1x3x5xf32>
  func.return
}
// CHECK: average pooling has a window that lies in the padding altogether

// -----

func.func @main(%x: tensor<1x3x4xi8>) {
  %c = nn.pool average %x kernel [2] strides [1] dilations [1] low [0] high [0] : tensor<1x3x4xi8> -> tensor<1x3x3xi8>
  func.return
}
// CHECK: average pooling is not defined on i8

// -----

func.func @main(%x: tensor<1x3x4xf32>) {
  %c = nn.pool max %x kernel [2, 2] strides [1] dilations [1] low [0] high [0] : tensor<1x3x4xf32> -> tensor<1x3x3xf32>
  func.return
}
// CHECK: pool over 1 spatial dimensions has lists of other lengths
