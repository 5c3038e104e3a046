// RUN: rnncc opt %s -p fold-constants | filecheck %s

// What an exporter leaves of x.view(x.shape[1], -1): all of it is a constant.
// CHECK-LABEL: @shape_arithmetic
func.func @shape_arithmetic(%x: tensor<2x3x4xf32>) -> tensor<3x8xf32> {
  %shape = onnx.Shape(%x) : (tensor<2x3x4xf32>) -> tensor<3xi64>
  %one = onnx.Constant() {value = dense<1> : tensor<i64>} : () -> tensor<i64>
  %rest = onnx.Constant() {value = dense<-1> : tensor<1xi64>} : () -> tensor<1xi64>
  %axes = onnx.Constant() {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
  %n = onnx.Gather(%shape, %one) : (tensor<3xi64>, tensor<i64>) -> tensor<i64>
  %n1 = onnx.Unsqueeze(%n, %axes) : (tensor<i64>, tensor<1xi64>) -> tensor<1xi64>
  %target = onnx.Concat(%n1, %rest) {axis = 0 : i64} : (tensor<1xi64>, tensor<1xi64>) -> tensor<2xi64>
  // CHECK-NEXT: [[T:%.+]] = onnx.Constant() v13 {value = #nn.weight<"target", tensor<2xi64>, "0x0300000000000000FFFFFFFFFFFFFFFF">} : () -> tensor<2xi64>
  // CHECK-NEXT: onnx.Reshape(%x, [[T]])
  %y = onnx.Reshape(%x, %target) : (tensor<2x3x4xf32>, tensor<2xi64>) -> tensor<3x8xf32>
  func.return %y : tensor<3x8xf32>
}

// A branch that a constant chooses takes the place of the If; the other is gone.
// CHECK-LABEL: @constant_if
func.func @constant_if(%x: tensor<2xf32>) -> tensor<2xf32> {
  %c = onnx.Constant() {value = dense<true> : tensor<i1>} : () -> tensor<i1>
  // CHECK-NEXT: [[R:%.+]] = onnx.Relu(%x)
  // CHECK-NEXT: func.return [[R]]
  %y = onnx.If(%c) : (tensor<i1>) -> tensor<2xf32> then_branch {
    %r = onnx.Relu(%x) : (tensor<2xf32>) -> tensor<2xf32>
    onnx.Yield %r : tensor<2xf32>
  } else_branch {
    %t = onnx.Tanh(%x) : (tensor<2xf32>) -> tensor<2xf32>
    onnx.Yield %t : tensor<2xf32>
  }
  func.return %y : tensor<2xf32>
}

// The size of a dimension that follows a length is not known; that of the others is.
// CHECK-LABEL: @dynamic
func.func @dynamic(%x: tensor<25x2xf32, ["T", ""]>) -> (tensor<1xi64>, tensor<1xi64>) {
  // CHECK: [[T:%.+]] = onnx.Shape(%x)
  %t = onnx.Shape(%x) {end = 1 : i64} : (tensor<25x2xf32, ["T", ""]>) -> tensor<1xi64>
  // CHECK: [[B:%.+]] = onnx.Constant() v13 {value = #nn.weight<"b", tensor<1xi64>, "0x0200000000000000">}
  %b = onnx.Shape(%x) {start = 1 : i64} : (tensor<25x2xf32, ["T", ""]>) -> tensor<1xi64>
  // CHECK: func.return [[T]], [[B]]
  func.return %t, %b : tensor<1xi64>, tensor<1xi64>
}

// Nothing huge is made.
// CHECK-LABEL: @huge
func.func @huge() -> tensor<4096x4096xf32> {
  %shape = onnx.Constant() {value = dense<4096> : tensor<2xi64>} : () -> tensor<2xi64>
  // CHECK: onnx.ConstantOfShape
  %y = onnx.ConstantOfShape(%shape) : (tensor<2xi64>) -> tensor<4096x4096xf32>
  func.return %y : tensor<4096x4096xf32>
}

// Whole numbers divide toward zero.
// CHECK-LABEL: @divide
func.func @divide() -> tensor<i64> {
  %a = onnx.Constant() {value = dense<-7> : tensor<i64>} : () -> tensor<i64>
  %b = onnx.Constant() {value = dense<2> : tensor<i64>} : () -> tensor<i64>
  // CHECK-NEXT: onnx.Constant() v13 {value = #nn.weight<"q", tensor<i64>, "0xFDFFFFFFFFFFFFFF">}
  %q = onnx.Div(%a, %b) : (tensor<i64>, tensor<i64>) -> tensor<i64>
  func.return %q : tensor<i64>
}
