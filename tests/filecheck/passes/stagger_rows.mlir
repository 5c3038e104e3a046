// RUN: rnncc opt %s -p stagger-rows | filecheck %s
// RUN: rnncc opt %s -p "stagger-rows{target=tpu-v1}" | filecheck %s --check-prefix=TPU
// RUN: not rnncc opt %s -p "stagger-rows{most=1}" 2>&1 | filecheck %s --check-prefix=MOST

// MOST: rows are staggered from 2 on

// Each row has its product, bias and arg-max; where rows share the weights they stay together.
// CHECK-LABEL: func.func @words
// CHECK-SAME: the 2 rows of a recurrence without a name are reduced one by one
// CHECK: [[A:%.+]] = nn.slice %h starts [0, 0] sizes [1, 4]
// CHECK: nn.matmul [[A]]
// CHECK: nn.binary add
// CHECK: [[X:%.+]] = nn.arg_reduce argmax {{.*}} axis 2 : tensor<1x1x5xf32> -> tensor<1x1xi64>
// CHECK: [[B:%.+]] = nn.slice %h starts [1, 0] sizes [1, 4]
// CHECK: nn.matmul [[B]]
// CHECK: [[Y:%.+]] = nn.arg_reduce argmax
// CHECK: nn.concat [[X]], [[Y]] axis 0
// TPU: rows stay together: on tpu-v1 they share what is read of the weights
// TPU: nn.matmul {{.*}} -> tensor<2x5xf32>
func.func @words(%h: tensor<2x4xf32>) -> tensor<2x1xi64> {
  %v = nn.constant dense<0.5> : tensor<4x5xf32>
  %b = nn.constant dense<0.25> : tensor<5xf32>
  %p = nn.matmul %h, %v : tensor<2x4xf32>, tensor<4x5xf32> -> tensor<2x5xf32>
  %l = nn.binary add %p, %b : tensor<2x5xf32>, tensor<5xf32> -> tensor<2x5xf32>
  %r = nn.reshape %l : tensor<2x5xf32> -> tensor<2x1x5xf32>
  %w = nn.arg_reduce argmax %r axis 2 : tensor<2x1x5xf32> -> tensor<2x1xi64>
  func.return %w : tensor<2x1xi64>
}

// A reduction over the rows needs all of them, and logits that somebody else reads are made at once.
// CHECK-LABEL: func.func @together
// CHECK: nn.matmul {{.*}} -> tensor<2x5xf32>
// CHECK-NOT: nn.matmul
func.func @together(%h: tensor<2x4xf32>) -> (tensor<5xi64>, tensor<2xi64>, tensor<2x5xf32>) {
  %v = nn.constant dense<0.5> : tensor<4x5xf32>
  %p = nn.matmul %h, %v : tensor<2x4xf32>, tensor<4x5xf32> -> tensor<2x5xf32>
  %x = nn.arg_reduce argmax %p axis 0 : tensor<2x5xf32> -> tensor<5xi64>
  %y = nn.arg_reduce argmax %p axis 1 : tensor<2x5xf32> -> tensor<2xi64>
  func.return %x, %y, %p : tensor<5xi64>, tensor<2xi64>, tensor<2x5xf32>
}
