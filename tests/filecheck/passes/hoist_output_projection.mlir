// RUN: rnncc opt %s -p hoist-output-projection | filecheck %s

// The product, its bias and the largest word leave; the scan stacks what they read.
// CHECK-LABEL: func.func @vocabulary
// CHECK-SAME: 1 products) of its outputs for all 5 steps at once
// CHECK-NEXT: [[H:%.+]] = rnn.scan
// CHECK-NEXT:   [[N:%.+]] = nn.binary add
// CHECK-NEXT:   rnn.yield [[N]], [[N]]
// CHECK-NEXT: }
// CHECK-NEXT: [[F:%.+]] = nn.reshape {{%.+}} : tensor<5x2x4xf32> -> tensor<10x4xf32>
// CHECK-NEXT: [[P:%.+]] = nn.matmul [[F]], %v
// CHECK-NEXT: [[Q:%.+]] = nn.reshape [[P]] : tensor<10x9xf32> -> tensor<5x2x9xf32>
// CHECK-NEXT: [[L:%.+]] = nn.binary add [[Q]], %b
// CHECK-NEXT: [[W:%.+]] = nn.arg_reduce argmax [[L]] axis 2
// CHECK-NEXT: func.return [[W]]
func.func @vocabulary(%x: tensor<5x2x4xf32>, %v: tensor<4x9xf32>, %b: tensor<9xf32>, %h0: tensor<2x4xf32>) -> tensor<5x2xi64> {
  %s, %y = rnn.scan %t of 5 each(%xt = %x : tensor<5x2x4xf32>) carry(%h = %h0 : tensor<2x4xf32>) -> (tensor<5x2xi64>) {
    %n = nn.binary add %xt, %h : tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
    %p = nn.matmul %n, %v : tensor<2x4xf32>, tensor<4x9xf32> -> tensor<2x9xf32>
    %l = nn.binary add %p, %b : tensor<2x9xf32>, tensor<9xf32> -> tensor<2x9xf32>
    %w = nn.arg_reduce argmax %l axis 1 : tensor<2x9xf32> -> tensor<2xi64>
    rnn.yield %n, %w : tensor<2x4xf32>, tensor<2xi64>
  }
  func.return %y : tensor<5x2xi64>
}

// Rows of a scan with lens that no step reaches are zero: a bias must not fill them.
// CHECK-LABEL: func.func @ragged
// CHECK: nn.matmul
// CHECK: [[L:%.+]] = nn.binary add
// CHECK: [[M:%.+]] = nn.compare lt
// CHECK: nn.select [[M]], [[L]]
func.func @ragged(%x: tensor<5x2x4xf32>, %v: tensor<4x9xf32>, %b: tensor<9xf32>, %h0: tensor<2x4xf32>, %n: tensor<2xi32>) -> tensor<5x2x9xf32> {
  %s, %y = rnn.scan %t of 5 each(%xt = %x : tensor<5x2x4xf32>) carry(%h = %h0 : tensor<2x4xf32>) lens(%n : tensor<2xi32>) -> (tensor<5x2x9xf32>) {
    %n_ = nn.binary add %xt, %h : tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
    %p = nn.matmul %n_, %v : tensor<2x4xf32>, tensor<4x9xf32> -> tensor<2x9xf32>
    %l = nn.binary add %p, %b : tensor<2x9xf32>, tensor<9xf32> -> tensor<2x9xf32>
    rnn.yield %n_, %l : tensor<2x4xf32>, tensor<2x9xf32>
  }
  func.return %y : tensor<5x2x9xf32>
}

// A product that feeds the state stays, and so does one whose results mix the rows of the batch.
// CHECK-LABEL: func.func @stays
// CHECK-SAME: a product of its outputs stays, what reads it mixes steps or rows
// CHECK-NEXT: rnn.scan
// CHECK: nn.matmul
// CHECK: nn.matmul
// CHECK: }
// CHECK-NEXT: func.return
func.func @stays(%x: tensor<5x2x4xf32>, %v: tensor<4x4xf32>, %h0: tensor<2x4xf32>, %n: tensor<2xi32>) -> tensor<5x2x4xf32> {
  %s, %y = rnn.scan %t of 5 each(%xt = %x : tensor<5x2x4xf32>) carry(%h = %h0 : tensor<2x4xf32>) lens(%n : tensor<2xi32>) -> (tensor<5x2x4xf32>) {
    %m = nn.matmul %h, %v : tensor<2x4xf32>, tensor<4x4xf32> -> tensor<2x4xf32>
    %a = nn.binary add %xt, %m : tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
    %p = nn.matmul %a, %v : tensor<2x4xf32>, tensor<4x4xf32> -> tensor<2x4xf32>
    %q = nn.softmax %p axis 0 : tensor<2x4xf32> -> tensor<2x4xf32>
    rnn.yield %a, %q : tensor<2x4xf32>, tensor<2x4xf32>
  }
  func.return %y : tensor<5x2x4xf32>
}
