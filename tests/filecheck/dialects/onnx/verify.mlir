// RUN: rnncc opt %s --verify-diagnostics --parsing-diagnostics --split-input-file | filecheck %s

func.func @types(%a: tensor<2xf32>, %b: tensor<2xf64>) {
  // CHECK: onnx.Add: 'B' and 'A' must have one element type, not tensor(double) and tensor(float)
  %c = onnx.Add(%a, %b) : (tensor<2xf32>, tensor<2xf64>) -> tensor<2xf32>
  func.return
}

// -----

func.func @refused(%a: tensor<2xi64>) {
  // CHECK: onnx.Sigmoid: 'X' may not have the type tensor<2xi64>
  %c = onnx.Sigmoid(%a) : (tensor<2xi64>) -> tensor<2xi64>
  func.return
}

// -----

func.func @attribute(%a: tensor<2xf32>) {
  // CHECK: onnx.Concat needs the attribute 'axis'
  %c = onnx.Concat(%a) : (tensor<2xf32>) -> tensor<2xf32>
  func.return
}

// -----

func.func @terminator(%c: tensor<i1>, %a: tensor<2xf32>) {
  // CHECK: onnx.Relu terminates block in single-block region but is not a terminator
  %r = onnx.If(%c) : (tensor<i1>) -> tensor<2xf32> then_branch {
    onnx.Yield %a : tensor<2xf32>
  } else_branch {
    %b = onnx.Relu(%a) : (tensor<2xf32>) -> tensor<2xf32>
  }
  func.return
}

// -----

func.func @missing(%x: tensor<5x1x4xf32>, %w: tensor<1x8x4xf32>) {
  // CHECK: onnx.LSTM: operand 'R' is required
  %y = onnx.LSTM(%x, %w) : (tensor<5x1x4xf32>, tensor<1x8x4xf32>) -> tensor<5x1x1x2xf32>
  func.return
}

// -----

func.func @many(%x: tensor<4xf32>) {
  // CHECK: onnx.Relu: 2 operands given, at most 1 taken
  %y = onnx.Relu(%x, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return
}
