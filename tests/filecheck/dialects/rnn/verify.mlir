// RUN: rnncc opt %s --verify-diagnostics --split-input-file | filecheck %s

func.func @main(%x: tensor<5x2x3xf32>, %w: tensor<4x3xf32>, %r: tensor<5x4xf32>) {
  // CHECK: rnn.elman r must have shape [4, 4], not tensor<5x4xf32>
  %y, %h = rnn.elman %x, %w, %r {hidden = 4 : i64, activations = ["tanh"], alphas = array<f32: 0.0>, betas = array<f32: 0.0>} : (tensor<5x2x3xf32>, tensor<4x3xf32>, tensor<5x4xf32>) -> (tensor<5x2x4xf32>, tensor<2x4xf32>)
  func.return
}

// -----

func.func @main(%x: tensor<5x2x3xf32>, %w: tensor<4x3xf32>, %r: tensor<4x4xf32>) {
  // CHECK: rnn.elman has unknown activation 'tan'
  %y, %h = rnn.elman %x, %w, %r {hidden = 4 : i64, activations = ["tan"], alphas = array<f32: 0.0>, betas = array<f32: 0.0>} : (tensor<5x2x3xf32>, tensor<4x3xf32>, tensor<4x4xf32>) -> (tensor<5x2x4xf32>, tensor<2x4xf32>)
  func.return
}

// -----

func.func @main(%x: tensor<5x2x3xf32>, %w: tensor<12x3xf32>, %r: tensor<12x4xf32>) {
  // CHECK: rnn.gru needs 2 activations with alpha and beta
  %y, %h = rnn.gru %x, %w, %r {hidden = 4 : i64, activations = ["tanh"], alphas = array<f32: 0.0>, betas = array<f32: 0.0>} : (tensor<5x2x3xf32>, tensor<12x3xf32>, tensor<12x4xf32>) -> (tensor<5x2x4xf32>, tensor<2x4xf32>)
  func.return
}

// -----

func.func @main(%x: tensor<5x2x3xf32, ["T", "", ""]>, %w: tensor<4x3xf32>, %r: tensor<4x4xf32>) {
  // CHECK: rnn.elman result must be tensor<5x2x4xf32, ["T", "", ""]>, not tensor<5x2x4xf32>
  %y, %h = rnn.elman %x, %w, %r {hidden = 4 : i64, activations = ["tanh"], alphas = array<f32: 0.0>, betas = array<f32: 0.0>} : (tensor<5x2x3xf32, ["T", "", ""]>, tensor<4x3xf32>, tensor<4x4xf32>) -> (tensor<5x2x4xf32>, tensor<2x4xf32>)
  func.return
}

// -----

func.func @main(%x: tensor<5x2x3xf32>, %w: tensor<4x3xf32>, %r: tensor<4x4xf32>) {
  // CHECK: rnn.elman clip must be positive
  %y, %h = rnn.elman %x, %w, %r {hidden = 4 : i64, clip = 0.0 : f32, activations = ["tanh"], alphas = array<f32: 0.0>, betas = array<f32: 0.0>} : (tensor<5x2x3xf32>, tensor<4x3xf32>, tensor<4x4xf32>) -> (tensor<5x2x4xf32>, tensor<2x4xf32>)
  func.return
}

// -----

func.func @main(%x: tensor<5x2xf32>) {
  // CHECK: rnn.scan of 4 '' steps has an input of 5 '' steps
  "rnn.scan"(%x) <{input_reverse = array<i1: false>, output_reverse = array<i1>, max_steps = 4 : i64, symbol = "", operandSegmentSizes = array<i32: 1, 0, 0, 0>, resultSegmentSizes = array<i32: 0, 0>}> ({
  ^bb0(%t: tensor<i64>, %xt: tensor<2xf32>):
    rnn.yield
  }) : (tensor<5x2xf32>) -> ()
  func.return
}

// -----

func.func @main(%h: tensor<2xf32>) {
  // CHECK: rnn.scan has 0 yielded states, expected 1
  %r = rnn.scan %t of 4 carry(%s = %h : tensor<2xf32>) {
    rnn.yield
  }
  func.return
}

// -----

func.func @main(%h: tensor<2xf32>) {
  // CHECK: rnn.scan output 0 must be tensor<4x2xf32>, not tensor<4x3xf32>
  %r, %y = rnn.scan %t of 4 carry(%s = %h : tensor<2xf32>) -> (tensor<4x3xf32>) {
    rnn.yield %s, %s : tensor<2xf32>, tensor<2xf32>
  }
  func.return
}

// -----

func.func @main(%h: tensor<2xf32>, %l: tensor<3xi32>) {
  // CHECK: rnn.scan with lens tensor<3xi32> needs the batch first, not tensor<2xf32>
  %r = rnn.scan %t of 4 carry(%s = %h : tensor<2xf32>) lens(%l : tensor<3xi32>) {
    rnn.yield %s : tensor<2xf32>
  }
  func.return
}

// -----

func.func @main(%h: tensor<2xf32>, %l: tensor<2xi32>, %n: tensor<i64>) {
  // CHECK: rnn.scan takes lens or steps, not both
  %r = rnn.scan %t of 4 carry(%s = %h : tensor<2xf32>) lens(%l : tensor<2xi32>) steps(%n : tensor<i64>) {
    rnn.yield %s : tensor<2xf32>
  }
  func.return
}
