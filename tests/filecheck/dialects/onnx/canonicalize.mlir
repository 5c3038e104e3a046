// RUN: rnncc opt %s -p canonicalize | filecheck %s

// CHECK-LABEL: @nothing
func.func @nothing(%x: tensor<2x3xf32>, %shape: tensor<2xi64>) -> tensor<2x3xf32> {
  // CHECK-NEXT: func.return %x
  %a = onnx.Identity(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %b = onnx.Transpose(%a) {perm = array<i64: 0, 1>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %c = onnx.Cast(%b) {to = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %d = onnx.Reshape(%c, %shape) : (tensor<2x3xf32>, tensor<2xi64>) -> tensor<2x3xf32>
  %e = onnx.Concat(%d) {axis = 0 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %f = onnx.Dropout(%e) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  func.return %f : tensor<2x3xf32>
}

// CHECK-LABEL: @something
func.func @something(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  // CHECK: onnx.Transpose
  %a = onnx.Transpose(%x) : (tensor<2x2xf32>) -> tensor<2x2xf32>
  func.return %a : tensor<2x2xf32>
}
