// RUN: rnncc opt %s -p canonicalize | rnncc opt | filecheck %s

// CHECK-LABEL: func.func @text
func.func @text(%x: tensor<50x4x9x9xf32, ["T", "", "", ""]>, %w: tensor<6x2x3x3xf32>) -> (tensor<50x6x5x9xf32, ["T", "", "", ""]>, tensor<50x4x5x5xf32, ["T", "", "", ""]>, tensor<50x4x8x8xf32, ["T", "", "", ""]>) {
  // CHECK-NEXT: nn.conv %x, %w strides [2, 1] dilations [1, 1] low [1, 0] high [1, 2] groups 2 {onnx.node = "c"} : tensor<50x4x9x9xf32, ["T", "", "", ""]>, tensor<6x2x3x3xf32> -> tensor<50x6x5x9xf32, ["T", "", "", ""]>
  %c = nn.conv %x, %w strides [2, 1] dilations [1, 1] low [1, 0] high [1, 2] groups 2 {onnx.node = "c"} : tensor<50x4x9x9xf32, ["T", "", "", ""]>, tensor<6x2x3x3xf32> -> tensor<50x6x5x9xf32, ["T", "", "", ""]>
  // CHECK-NEXT: nn.pool max %x kernel [2, 2] strides [2, 2] dilations [1, 1] low [0, 0] high [0, 0] ceil :
  %p = nn.pool max %x kernel [2, 2] strides [2, 2] dilations [1, 1] low [0, 0] high [0, 0] ceil : tensor<50x4x9x9xf32, ["T", "", "", ""]> -> tensor<50x4x5x5xf32, ["T", "", "", ""]>
  // CHECK-NEXT: nn.pool average %x kernel [3, 3] strides [1, 1] dilations [1, 1] low [1, 1] high [0, 0] include_pad :
  %a = nn.pool average %x kernel [3, 3] strides [1, 1] dilations [1, 1] low [1, 1] high [0, 0] include_pad : tensor<50x4x9x9xf32, ["T", "", "", ""]> -> tensor<50x4x8x8xf32, ["T", "", "", ""]>
  func.return %c, %p, %a : tensor<50x6x5x9xf32, ["T", "", "", ""]>, tensor<50x4x5x5xf32, ["T", "", "", ""]>, tensor<50x4x8x8xf32, ["T", "", "", ""]>
}

// CHECK-LABEL: func.func @simpler
func.func @simpler(%x: tensor<1x2x4x4xf32>, %w: tensor<1x2x3x3xf32>) -> (tensor<1x1x5x4xf32>, tensor<1x2x4x4xf32>) {
  %p = nn.pad %x low [0, 0, 1, 0] high [0, 0, 1, 1] value 0.0 : tensor<1x2x4x4xf32> -> tensor<1x2x6x5xf32>
  // CHECK-NEXT: [[C:%.+]] = nn.conv %x, %w strides [1, 1] dilations [1, 1] low [1, 1] high [2, 1] groups 1
  %c = nn.conv %p, %w strides [1, 1] dilations [1, 1] low [0, 1] high [1, 0] groups 1 : tensor<1x2x6x5xf32>, tensor<1x2x3x3xf32> -> tensor<1x1x5x4xf32>
  %q = nn.pool max %x kernel [1, 1] strides [1, 1] dilations [1, 1] low [0, 0] high [0, 0] : tensor<1x2x4x4xf32> -> tensor<1x2x4x4xf32>
  // CHECK-NEXT: func.return [[C]], %x
  func.return %c, %q : tensor<1x1x5x4xf32>, tensor<1x2x4x4xf32>
}
