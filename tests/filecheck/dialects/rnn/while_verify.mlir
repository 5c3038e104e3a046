// RUN: rnncc opt %s --verify-diagnostics --split-input-file | filecheck %s

func.func @main(%h0: tensor<4xf32>) {
  // CHECK: rnn.while condition 0 must be tensor<i1>, not tensor<i64>
  %h, %n = rnn.while of 3 carry(%h0 : tensor<4xf32>) if (%t, %a) {
    rnn.yield %t : tensor<i64>
  } do (%t, %a) {
    rnn.yield %a : tensor<4xf32>
  }
  func.return
}

// -----

func.func @main(%h0: tensor<4xf32>, %c: tensor<i1>) {
  // CHECK: rnn.while yielded state 0 must be tensor<4xf32>, not tensor<i64>
  %h, %n = rnn.while of 3 carry(%h0 : tensor<4xf32>) if (%t, %a) {
    rnn.yield %c : tensor<i1>
  } do (%t, %a) {
    rnn.yield %t : tensor<i64>
  }
  func.return
}

// -----

func.func @main(%c: tensor<i1>) {
  // CHECK: rnn.while output 0 must be tensor<3xi64>, not tensor<4xi64>
  %n, %ys = rnn.while of 3 -> (tensor<4xi64>) if (%t) {
    rnn.yield %c : tensor<i1>
  } do (%t) {
    rnn.yield %t : tensor<i64>
  }
  func.return
}

// -----

func.func @main(%c: tensor<i1>, %m: tensor<i32>) {
  // CHECK: rnn.while steps must be tensor<i64>, not tensor<i32>
  %n = rnn.while of 3 steps(%m : tensor<i32>) if (%t) {
    rnn.yield %c : tensor<i1>
  } do (%t) {
    rnn.yield
  }
  func.return
}
