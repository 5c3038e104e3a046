// RUN: rnncc opt %s -p 'generate-tokens{pairs="y:k","ht:h" max-tokens=9 max-prompt=4 stop=2}' | filecheck %s
// RUN: rnncc opt %s -p 'generate-tokens{pairs="y:k","ht:h" max-tokens=9 max-prompt=1 top-k=3},canonicalize' | filecheck %s --check-prefix=TOP
// RUN: not rnncc opt %s -p 'generate-tokens{pairs="y:h","ht:k"}' 2>&1 | filecheck %s --check-prefix=WRONG
// RUN: not rnncc opt %s -p 'generate-tokens' 2>&1 | filecheck %s --check-prefix=NOTHING

// The prompt but for its last token goes through the states alone; then one token a turn, until token 2. What depends on
// neither token nor states is done once.
// CHECK: func.func @main(%k: tensor<4xi64, ["prompt"]>, %h: tensor<1x3xf32>, %b: tensor<3xf32>, [[M:%.+]]: tensor<i64>) -> (tensor<9xi64>, tensor<i64>, tensor<1x3xf32>)
// CHECK-SAME: rnncc.inputs = ["k", "h", "b", "max_tokens"], rnncc.outputs = ["tokens", "count", "ht"]
// CHECK-SAME: rnncc.symbols = {prompt = 4 : i64}
// CHECK-SAME: rnncc.generation = {prompt = 0 : i64, limit = 3 : i64, uniform = -1 : i64, vocabulary = 5 : i64, longest = 9 : i64, stop = 2 : i64, states = array<i64: 1>}
// CHECK-SAME: outputs that feed nothing back are gone: other
// CHECK: [[E:%.+]] = nn.unary exp %b
// CHECK: [[LAST:%.+]] = nn.reduce max
// CHECK: nn.dynamic_slice %k, [[LAST]]
// CHECK: [[H:%.+]] = rnn.scan {{%.+}} of 4 "prompt" each({{%.+}} = %k {{.*}}) carry({{%.+}} = %h {{.*}}) steps([[LAST]] : tensor<i64>) {
// CHECK-NOT: nn.matmul
// CHECK: rnn.while of 9 carry({{%.+}} : tensor<i64>, [[H]] : tensor<1x3xf32>) steps([[M]] : tensor<i64>) -> (tensor<9xi64>) if ([[T:%.+]], [[K:%.+]], {{%.+}}) {
// CHECK: nn.compare eq [[T]]
// CHECK: nn.compare ne [[K]]
// CHECK: nn.binary or
// CHECK: } do (
// CHECK-NOT: nn.unary exp
// CHECK: nn.matmul
// CHECK: nn.arg_reduce argmax
// CHECK: rnn.yield [[C:%.+]], {{%.+}}, [[C]] : tensor<i64>, tensor<1x3xf32>, tensor<i64>

// TOP: %uniform: tensor<9xf32>
// TOP: rnn.while of 9
// TOP: rnn.scan {{%.+}} of 3 carry({{.*}}) -> (tensor<3xf32>, tensor<3xi64>) {

// WRONG: --generate y:h: a token is a whole number (i32 or i64), input 'h' holds f32
// NOTHING: no logits are named
func.func @main(%k: tensor<1xi64>, %h: tensor<1x3xf32>, %b: tensor<3xf32>) -> (tensor<1x5xf32>, tensor<1x3xf32>, tensor<1x3xf32>)
    attributes {rnncc.inputs = ["k", "h", "b"], rnncc.outputs = ["y", "ht", "other"]} {
  %table = nn.constant dense<0.5> : tensor<5x3xf32>
  %w = nn.constant dense<0.25> : tensor<3x5xf32>
  %e = nn.unary exp %b : tensor<3xf32> -> tensor<3xf32>
  %row = nn.gather %table, %k axis 0 : tensor<5x3xf32>, tensor<1xi64> -> tensor<1x3xf32>
  %a = nn.binary add %row, %h : tensor<1x3xf32>, tensor<1x3xf32> -> tensor<1x3xf32>
  %c = nn.binary mul %a, %e : tensor<1x3xf32>, tensor<3xf32> -> tensor<1x3xf32>
  %y = nn.matmul %c, %w : tensor<1x3xf32>, tensor<3x5xf32> -> tensor<1x5xf32>
  func.return %y, %c, %a : tensor<1x5xf32>, tensor<1x3xf32>, tensor<1x3xf32>
}
