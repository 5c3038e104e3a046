// RUN: rnncc opt %s --verify-diagnostics --split-input-file | filecheck %s

func.func @main(%u: tensor<1xi1>, %x: tensor<4xf32>) {
  // CHECK: rnn.if condition must be tensor<i1>, not tensor<1xi1>
  %r = "rnn.if"(%u) ({
    rnn.yield %x : tensor<4xf32>
  }, {
    rnn.yield %x : tensor<4xf32>
  }) : (tensor<1xi1>) -> tensor<4xf32>
  func.return
}

// -----

func.func @main(%u: tensor<i1>, %x: tensor<4xf32>) {
  // CHECK: rnn.if else region yields 0 values, expected 1
  %r = rnn.if %u -> (tensor<4xf32>) {
    rnn.yield %x : tensor<4xf32>
  } else {
    rnn.yield
  }
  func.return
}

// -----

func.func @main(%u: tensor<i1>, %x: tensor<4xf32>) {
  // CHECK: rnn.if then region must yield tensor<5xf32> as value 0, not tensor<4xf32>
  %r = rnn.if %u -> (tensor<5xf32>) {
    rnn.yield %x : tensor<4xf32>
  } else {
    rnn.yield %x : tensor<4xf32>
  }
  func.return
}

// -----

func.func @main(%u: tensor<i1>, %x: tensor<4xf32>) {
  // CHECK: rnn.if then region takes no arguments
  %r = rnn.if %u -> (tensor<4xf32>) {
  ^bb0(%y: tensor<4xf32>):
    rnn.yield %y : tensor<4xf32>
  } else {
    rnn.yield %x : tensor<4xf32>
  }
  func.return
}
