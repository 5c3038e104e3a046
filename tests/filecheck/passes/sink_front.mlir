// RUN: rnncc opt %s -p sink-front,canonicalize,dce --split-input-file | filecheck %s

// A pooling over all frames becomes one of each frame; the additions in front of it as well.
// CHECK-LABEL: func.func @main
// CHECK-SAME: "sink-front: 1 pooling and 2 other operations in front of 'cell' moved into its step"
// CHECK-NEXT: rnn.scan {{.*}} each([[F:%.+]] = {{.*}} : tensor<9x1x4x4xf32>)
// CHECK: nn.unary tanh {{.*}} tensor<1x1x4x4xf32>
// CHECK-NEXT: nn.pool max {{.*}} -> tensor<1x1x2x2xf32>
// CHECK: nn.binary add
func.func @main(%x: tensor<9x1x4x4xf32>, %h: tensor<1x4xf32>) -> tensor<1x4xf32> {
  %u = nn.unary tanh %x : tensor<9x1x4x4xf32> -> tensor<9x1x4x4xf32>
  %p = nn.pool max %u kernel [2, 2] strides [2, 2] dilations [1, 1] low [0, 0] high [0, 0] : tensor<9x1x4x4xf32> -> tensor<9x1x2x2xf32>
  %f = nn.reshape %p : tensor<9x1x2x2xf32> -> tensor<9x1x4xf32>
  %r = rnn.scan %t of 9 each(%ft = %f : tensor<9x1x4xf32>) carry(%s = %h : tensor<1x4xf32>) {
    %a = nn.binary add %s, %ft : tensor<1x4xf32>, tensor<1x4xf32> -> tensor<1x4xf32>
    rnn.yield %a : tensor<1x4xf32>
  } {onnx.node = "cell"}
  func.return %r : tensor<1x4xf32>
}

// -----

// Who else reads the pooled frames needs them all: they stay, and so does what has no convolution or pooling.
// CHECK-LABEL: func.func @main
// CHECK-NOT: rnncc.remarks
// CHECK: nn.pool
// CHECK: rnn.scan {{.*}} : tensor<9x1x4xf32>)
func.func @main(%x: tensor<9x1x4x4xf32>, %h: tensor<1x4xf32>) -> (tensor<1x4xf32>, tensor<9x1x2x2xf32>) {
  %p = nn.pool max %x kernel [2, 2] strides [2, 2] dilations [1, 1] low [0, 0] high [0, 0] : tensor<9x1x4x4xf32> -> tensor<9x1x2x2xf32>
  %u = nn.unary tanh %p : tensor<9x1x2x2xf32> -> tensor<9x1x2x2xf32>
  %f = nn.reshape %u : tensor<9x1x2x2xf32> -> tensor<9x1x4xf32>
  %r = rnn.scan %t of 9 each(%ft = %f : tensor<9x1x4xf32>) carry(%s = %h : tensor<1x4xf32>) {
    %a = nn.binary add %s, %ft : tensor<1x4xf32>, tensor<1x4xf32> -> tensor<1x4xf32>
    rnn.yield %a : tensor<1x4xf32>
  } {onnx.node = "cell"}
  func.return %r, %p : tensor<1x4xf32>, tensor<9x1x2x2xf32>
}
