// RUN: rnncc opt %s -p convert-onnx-to-nn --verify-diagnostics --split-input-file | filecheck %s

// CHECK-LABEL: func.func @gemm
// CHECK-NEXT: [[M:%.+]] = nn.matmul %a, %b transpose_b {onnx.node = "fc"}
// CHECK-NEXT: [[H:%.+]] = nn.constant #nn.weight<"", tensor<f32>, "0x0000003F"> {onnx.node = "fc"}
// CHECK-NEXT: [[S:%.+]] = nn.binary mul [[M]], [[H]] {onnx.node = "fc"}
// CHECK-NEXT: [[R:%.+]] = nn.binary add [[S]], %c {onnx.node = "fc"}
// CHECK-NEXT: func.return [[R]]
func.func @gemm(%a: tensor<2x3xf32>, %b: tensor<4x3xf32>, %c: tensor<4xf32>) -> tensor<2x4xf32> {
  %0 = onnx.Gemm(%a, %b, %c) {alpha = 0.5 : f32, transB = 1 : i64, onnx.node = "fc"} : (tensor<2x3xf32>, tensor<4x3xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  func.return %0 : tensor<2x4xf32>
}

// -----

// The actual last step of a run-time length.
// CHECK-LABEL: func.func @last
// CHECK: nn.iota axis 0 {{.*}} : tensor<25xi64, ["T"]>
// CHECK: nn.reduce max
// CHECK: nn.dynamic_slice %x, %{{.*}} axis 0 size 1
// CHECK: nn.reshape {{.*}} -> tensor<4xf32>
func.func @last(%x: tensor<25x4xf32, ["T", ""]>) -> tensor<4xf32> {
  %i = nn.constant dense<-1> : tensor<i64>
  %0 = onnx.Gather(%x, %i) {onnx.node = "last"} : (tensor<25x4xf32, ["T", ""]>, tensor<i64>) -> tensor<4xf32>
  func.return %0 : tensor<4xf32>
}

// -----

// What only served a shape is dropped, not refused.
// CHECK-LABEL: func.func @dead
// CHECK-NEXT: func.return %x
func.func @dead(%x: tensor<25x4xf32, ["T", ""]>) -> tensor<25x4xf32, ["T", ""]> {
  %0 = onnx.Shape(%x) : (tensor<25x4xf32, ["T", ""]>) -> tensor<2xi64>
  func.return %x : tensor<25x4xf32, ["T", ""]>
}

// -----

func.func @unsupported(%x: tensor<1x1x8xf32>) -> tensor<1x1x6xf32> {
  %0 = onnx.LpPool(%x) {kernel_shape = array<i64: 3>, onnx.node = "pool1"} : (tensor<1x1x8xf32>) -> tensor<1x1x6xf32>
  func.return %0 : tensor<1x1x6xf32>
}
// CHECK: LpPool 'pool1': this operator is not supported

// -----

func.func @indices(%x: tensor<1x1x8xf32>) -> tensor<1x1x6xi64> {
  %0, %1 = onnx.MaxPool(%x) {kernel_shape = array<i64: 3>, onnx.node = "pool2"} : (tensor<1x1x8xf32>) -> (tensor<1x1x6xf32>, tensor<1x1x6xi64>)
  func.return %1 : tensor<1x1x6xi64>
}
// CHECK: MaxPool 'pool2': its output 'Indices' is not supported

// -----

func.func @one_length(%x: tensor<25x4xf32, ["T", ""]>) -> tensor<2xi64> {
  %0 = onnx.Shape(%x) {onnx.node = "shape"} : (tensor<25x4xf32, ["T", ""]>) -> tensor<2xi64>
  func.return %0 : tensor<2xi64>
}
// CHECK: Shape 'shape': computes with a run-time length
