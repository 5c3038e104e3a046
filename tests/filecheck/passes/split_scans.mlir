// RUN: rnncc opt %s -p split-scans,hoist-input-projection | filecheck %s

// Two layers in one step: two scans, and the product between them is done for all steps.
// CHECK-LABEL: func.func @layers
// CHECK-SAME: becomes a chain of 2 recurrences with 1, 1 states
// CHECK-NEXT: rnn.scan
// CHECK-NEXT:   nn.binary add
// CHECK-NEXT:   rnn.yield
// CHECK-NEXT: }
// CHECK:      nn.matmul {{%.+}}, %w
// CHECK:      rnn.scan
// CHECK-NEXT:   nn.binary add
// CHECK-NEXT:   rnn.yield
// CHECK-NEXT: }
// CHECK-NEXT: func.return
func.func @layers(%x: tensor<5x2x4xf32>, %w: tensor<4x4xf32>, %h0: tensor<2x4xf32>) -> (tensor<2x4xf32>, tensor<5x2x4xf32>) {
  %s, %u, %y = rnn.scan %t of 5 each(%xt = %x : tensor<5x2x4xf32>) carry(%g = %h0 : tensor<2x4xf32>, %h = %h0 : tensor<2x4xf32>) -> (tensor<5x2x4xf32>) {
    %a = nn.binary add %xt, %g : tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
    %p = nn.matmul %a, %w : tensor<2x4xf32>, tensor<4x4xf32> -> tensor<2x4xf32>
    %b = nn.binary add %p, %h : tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
    rnn.yield %a, %b, %b : tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>
  }
  func.return %u, %y : tensor<2x4xf32>, tensor<5x2x4xf32>
}

// States that need one another stay together, and so do recurrences with no product between.
// CHECK-LABEL: func.func @together
// CHECK: rnn.scan
// CHECK-NOT: rnn.scan
func.func @together(%x: tensor<5x2x4xf32>, %w: tensor<4x4xf32>, %h0: tensor<2x4xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>) {
  %s, %u, %v = rnn.scan %t of 5 each(%xt = %x : tensor<5x2x4xf32>) carry(%g = %h0 : tensor<2x4xf32>, %h = %h0 : tensor<2x4xf32>, %i = %h0 : tensor<2x4xf32>) {
    %a = nn.binary add %h, %g : tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
    %p = nn.matmul %a, %w : tensor<2x4xf32>, tensor<4x4xf32> -> tensor<2x4xf32>
    %b = nn.binary add %xt, %i : tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
    rnn.yield %a, %p, %b : tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>
  }
  func.return %s, %u, %v : tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>
}
