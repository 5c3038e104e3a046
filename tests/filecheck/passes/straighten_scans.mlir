// RUN: rnncc opt %s -p straighten-scans,canonicalize | filecheck %s
// RUN: not rnncc opt %s -p "straighten-scans{most=0}" 2>&1 | filecheck %s --check-prefix=MOST

// MOST: a scan has 1 step or more

// The steps of a scan inside of a while are written out, the last first where it is read backward.
// CHECK-LABEL: func.func @inside
// CHECK-SAME: the 2 steps of a recurrence without a name are straight code
// CHECK: rnn.while
// CHECK-NOT: rnn.scan
// CHECK: nn.slice %x starts [1, 0]
// CHECK: nn.binary add
// CHECK: nn.slice %x starts [0, 0]
// CHECK: nn.binary add
// CHECK: rnn.yield
func.func @inside(%x: tensor<2x4xf32>, %h0: tensor<4xf32>) -> tensor<4xf32> {
  %h, %n = rnn.while of 5 carry(%h0 : tensor<4xf32>) if (%t, %s) {
    %m = nn.reduce max %s axes [0] : tensor<4xf32> -> tensor<f32>
    %c = nn.constant dense<9.0> : tensor<f32>
    %go = nn.compare lt %m, %c : tensor<f32>, tensor<f32> -> tensor<i1>
    rnn.yield %go : tensor<i1>
  } do (%t, %s) {
    %r = rnn.scan %k of 2 each(%xt = reverse %x : tensor<2x4xf32>) carry(%a = %s : tensor<4xf32>) {
      %b = nn.binary add %a, %xt : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
      rnn.yield %b : tensor<4xf32>
    }
    rnn.yield %r : tensor<4xf32>
  }
  func.return %h : tensor<4xf32>
}

// A scan that stands by itself stays, and so does one whose steps are counted at run time.
// CHECK-LABEL: func.func @stays
// CHECK-SAME: its steps are counted at run time
// CHECK: rnn.scan
// CHECK: rnn.scan
func.func @stays(%x: tensor<2x4xf32>, %h0: tensor<4xf32>, %n: tensor<i64>) -> tensor<4xf32> {
  %h = rnn.scan %t of 3 carry(%s = %h0 : tensor<4xf32>) {
    %r = rnn.scan %k of 2 each(%xt = %x : tensor<2x4xf32>) carry(%a = %s : tensor<4xf32>) steps(%n : tensor<i64>) {
      %b = nn.binary add %a, %xt : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
      rnn.yield %b : tensor<4xf32>
    }
    rnn.yield %r : tensor<4xf32>
  }
  func.return %h : tensor<4xf32>
}
