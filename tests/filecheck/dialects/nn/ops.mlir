// RUN: rnncc opt %s | rnncc opt | filecheck %s

// CHECK-LABEL: func.func @main
func.func @main(%x: tensor<25x1x8xf32, ["T", "", ""]>, %i: tensor<4xi64>, %b: tensor<1xi32>) {
  // CHECK-NEXT: [[W:%.+]] = nn.constant #nn.weight<"W", tensor<2x2xf32>, "0x000000000000803F0000004000004040">
  %w = nn.constant #nn.weight<"W", tensor<2x2xf32>, "0x000000000000803F0000004000004040">
  // CHECK-NEXT: [[K:%.+]] = nn.constant dense<1.000000e+00> : tensor<8x8xf32>
  %k = nn.constant dense<1.0> : tensor<8x8xf32>
  // CHECK-NEXT: [[M:%.+]] = nn.matmul %x, [[K]] transpose_b {onnx.node = "gemm"} : tensor<25x1x8xf32, ["T", "", ""]>, tensor<8x8xf32> -> tensor<25x1x8xf32, ["T", "", ""]>
  %m = nn.matmul %x, %k transpose_b {onnx.node = "gemm"} : tensor<25x1x8xf32, ["T", "", ""]>, tensor<8x8xf32> -> tensor<25x1x8xf32, ["T", "", ""]>
  // CHECK-NEXT: nn.unary elu [[M]] alpha 0.5 : tensor<25x1x8xf32, ["T", "", ""]> -> tensor<25x1x8xf32, ["T", "", ""]>
  %u = nn.unary elu %m alpha 0.5 : tensor<25x1x8xf32, ["T", "", ""]> -> tensor<25x1x8xf32, ["T", "", ""]>
  // CHECK-NEXT: nn.unary affine %{{.*}} alpha 1.0e-05 beta -inf
  %a = nn.unary affine %u alpha 1.0e-05 beta -inf : tensor<25x1x8xf32, ["T", "", ""]> -> tensor<25x1x8xf32, ["T", "", ""]>
  // CHECK-NEXT: nn.binary add
  %s = nn.binary add %a, %u : tensor<25x1x8xf32, ["T", "", ""]>, tensor<25x1x8xf32, ["T", "", ""]> -> tensor<25x1x8xf32, ["T", "", ""]>
  // CHECK-NEXT: nn.compare lt
  %c = nn.compare lt %s, %u : tensor<25x1x8xf32, ["T", "", ""]>, tensor<25x1x8xf32, ["T", "", ""]> -> tensor<25x1x8xi1, ["T", "", ""]>
  // CHECK-NEXT: nn.select
  %d = nn.select %c, %s, %u : tensor<25x1x8xi1, ["T", "", ""]>, tensor<25x1x8xf32, ["T", "", ""]>, tensor<25x1x8xf32, ["T", "", ""]> -> tensor<25x1x8xf32, ["T", "", ""]>
  // CHECK-NEXT: nn.cast {{.*}} -> tensor<25x1x8xi64, ["T", "", ""]>
  %e = nn.cast %d : tensor<25x1x8xf32, ["T", "", ""]> -> tensor<25x1x8xi64, ["T", "", ""]>
  // CHECK-NEXT: nn.reduce max %{{.*}} axes [0, 2] keepdims
  %f = nn.reduce max %d axes [0, 2] keepdims : tensor<25x1x8xf32, ["T", "", ""]> -> tensor<1x1x1xf32>
  // CHECK-NEXT: nn.arg_reduce argmin %{{.*}} axis 2 select_last : {{.*}} -> tensor<25x1xi64, ["T", ""]>
  %g = nn.arg_reduce argmin %d axis 2 select_last : tensor<25x1x8xf32, ["T", "", ""]> -> tensor<25x1xi64, ["T", ""]>
  // CHECK-NEXT: nn.softmax %{{.*}} axis 2 log
  %h = nn.softmax %d axis 2 log : tensor<25x1x8xf32, ["T", "", ""]> -> tensor<25x1x8xf32, ["T", "", ""]>
  // CHECK-NEXT: nn.reshape {{.*}} -> tensor<200xf32, ["T"]>
  %j = nn.reshape %h : tensor<25x1x8xf32, ["T", "", ""]> -> tensor<200xf32, ["T"]>
  // CHECK-NEXT: nn.transpose %{{.*}} perm [1, 0, 2]
  %l = nn.transpose %h perm [1, 0, 2] : tensor<25x1x8xf32, ["T", "", ""]> -> tensor<1x25x8xf32, ["", "T", ""]>
  // CHECK-NEXT: nn.slice %{{.*}} starts [24, 0, 2] sizes [25, 1, 3] steps [-1, 1, 2]
  %n = nn.slice %h starts [24, 0, 2] sizes [25, 1, 3] steps [-1, 1, 2] : tensor<25x1x8xf32, ["T", "", ""]> -> tensor<25x1x3xf32, ["T", "", ""]>
  %z = nn.constant dense<3> : tensor<i64>
  // CHECK: nn.dynamic_slice %{{.*}} axis 0 size 1 : {{.*}} -> tensor<1x1x8xf32>
  %o = nn.dynamic_slice %h, %z axis 0 size 1 : tensor<25x1x8xf32, ["T", "", ""]>, tensor<i64> -> tensor<1x1x8xf32>
  // CHECK: nn.dynamic_update %{{.*}} axis 0 : {{.*}} -> tensor<1x1x8xf32>
  %o2 = nn.dynamic_update %o, %o, %z axis 0 : tensor<1x1x8xf32>, tensor<1x1x8xf32>, tensor<i64> -> tensor<1x1x8xf32>
  // CHECK-NEXT: nn.gather %{{.*}} axis 2 : {{.*}} -> tensor<25x1x4xf32, ["T", "", ""]>
  %p = nn.gather %h, %i axis 2 : tensor<25x1x8xf32, ["T", "", ""]>, tensor<4xi64> -> tensor<25x1x4xf32, ["T", "", ""]>
  // CHECK-NEXT: nn.concat %{{.*}} axis 2 : {{.*}} -> tensor<25x1x7xf32, ["T", "", ""]>
  %q = nn.concat %p, %n axis 2 : tensor<25x1x4xf32, ["T", "", ""]>, tensor<25x1x3xf32, ["T", "", ""]> -> tensor<25x1x7xf32, ["T", "", ""]>
  // CHECK-NEXT: nn.pad %{{.*}} low [0, 1, 0] high [0, 0, 2] value nan
  %r = nn.pad %q low [0, 1, 0] high [0, 0, 2] value nan : tensor<25x1x7xf32, ["T", "", ""]> -> tensor<25x2x9xf32, ["T", "", ""]>
  // CHECK-NEXT: nn.broadcast %{{.*}} : tensor<1x1x1xf32> -> tensor<25x3x1xf32, ["T", "", ""]>
  %t = nn.broadcast %f : tensor<1x1x1xf32> -> tensor<25x3x1xf32, ["T", "", ""]>
  // CHECK-NEXT: nn.iota axis 0 : tensor<25xi64, ["T"]>
  %v = nn.iota axis 0 : tensor<25xi64, ["T"]>
  // CHECK-NEXT: nn.reverse_sequence %{{.*}} time_axis 0 batch_axis 1
  %y = nn.reverse_sequence %h, %b time_axis 0 batch_axis 1 : tensor<25x1x8xf32, ["T", "", ""]>, tensor<1xi32> -> tensor<25x1x8xf32, ["T", "", ""]>
  func.return
}
