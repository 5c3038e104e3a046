// RUN: rnncc opt %s -p "speculate-words{width=2 draft=history},split-scans,hoist-input-projection,hoist-output-projection,canonicalize" | filecheck %s
// RUN: not rnncc opt %s -p "speculate-words{width=2 draft=histry}" 2>&1 | filecheck %s --check-prefix=DRAFT
// RUN: not rnncc opt %s -p "speculate-words{width=0 draft=history}" 2>&1 | filecheck %s --check-prefix=WIDTH

// DRAFT: no such draft (there are ngram, history, model)
// DRAFT: did you mean 'history'?
// WIDTH: a turn guesses 1 to 64 words

// A turn looks three words up at once and makes their logits in one product; the first wrong one decides.
// CHECK-LABEL: func.func @generate
// CHECK-SAME: runs 2 guessed words with each one it knows (draft history)
// CHECK: rnn.while of 9
// CHECK: do (
// CHECK: nn.gather {{.*}} -> tensor<3x1x4xf32>
// CHECK: nn.matmul {{.*}} -> tensor<3x4xf32>
// CHECK: rnn.scan {{.*}} of 3
// CHECK-NOT: nn.matmul
// CHECK: rnn.yield
// CHECK: nn.matmul {{.*}} -> tensor<3x5xf32>
// CHECK: nn.arg_reduce argmax {{.*}} -> tensor<3x1xi64>
// CHECK: nn.compare ne
// CHECK: [[W:%.+]] = nn.arg_reduce argmax {{.*}} axis 0 : tensor<3xi1> -> tensor<i64>
// CHECK: [[R:%.+]] = nn.binary min [[W]]
// CHECK: nn.gather {{.*}}, [[R]] axis 0 : tensor<3x1x4xf32>, tensor<i64> -> tensor<1x4xf32>
func.func @generate(%first: tensor<1xi64>, %h0: tensor<1x4xf32>, %table: tensor<5x4xf32>, %u: tensor<4x4xf32>, %v: tensor<4x5xf32>) -> (tensor<9x1xi64>, tensor<i64>) {
  %w, %h, %done, %words = rnn.while of 9 carry(%first : tensor<1xi64>, %h0 : tensor<1x4xf32>) -> (tensor<9x1xi64>) if (%t, %word, %state) {
    %stop = nn.constant dense<0> : tensor<1xi64>
    %more = nn.compare ne %word, %stop : tensor<1xi64>, tensor<1xi64> -> tensor<1xi1>
    %go = nn.reshape %more : tensor<1xi1> -> tensor<i1>
    rnn.yield %go : tensor<i1>
  } do (%t, %word, %state) {
    %x = nn.gather %table, %word axis 0 : tensor<5x4xf32>, tensor<1xi64> -> tensor<1x4xf32>
    %p = nn.matmul %x, %u : tensor<1x4xf32>, tensor<4x4xf32> -> tensor<1x4xf32>
    %s = nn.binary add %p, %state : tensor<1x4xf32>, tensor<1x4xf32> -> tensor<1x4xf32>
    %l = nn.matmul %s, %v : tensor<1x4xf32>, tensor<4x5xf32> -> tensor<1x5xf32>
    %n = nn.arg_reduce argmax %l axis 1 : tensor<1x5xf32> -> tensor<1xi64>
    rnn.yield %n, %s, %n : tensor<1xi64>, tensor<1x4xf32>, tensor<1xi64>
  }
  func.return %words, %done : tensor<9x1xi64>, tensor<i64>
}

// A state that counts is not a word.
// CHECK-LABEL: func.func @counts
// CHECK-SAME: no state of it is a word
// CHECK: rnn.while of 4
func.func @counts(%k0: tensor<1xi64>) -> tensor<1xi64> {
  %k, %done = rnn.while of 4 carry(%k0 : tensor<1xi64>) if (%t, %k) {
    %top = nn.constant dense<7> : tensor<1xi64>
    %less = nn.compare lt %k, %top : tensor<1xi64>, tensor<1xi64> -> tensor<1xi1>
    %go = nn.reshape %less : tensor<1xi1> -> tensor<i1>
    rnn.yield %go : tensor<i1>
  } do (%t, %k) {
    %n = nn.binary add %k, %k : tensor<1xi64>, tensor<1xi64> -> tensor<1xi64>
    rnn.yield %n : tensor<1xi64>
  }
  func.return %k : tensor<1xi64>
}
