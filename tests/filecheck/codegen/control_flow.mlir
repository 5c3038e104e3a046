// RUN: rnncc compile %s --emit asm | filecheck %s
// A number of steps computed at run time is read into a register and bounds the loop.

// CHECK: s.read [[N:r[0-9]+]], i64
// CHECK: loop {{r[0-9]+}}, {{r[0-9]+}} max 9
// CHECK: endloop
func.func @main(%x: tensor<1x8xf32>, %n: tensor<i64>) -> tensor<1x8xf32> attributes {rnncc.inputs = ["x", "n"], rnncc.outputs = ["y"]} {
  %h = rnn.scan %t of 9 carry(%s = %x : tensor<1x8xf32>) steps(%n : tensor<i64>) -> () {
    %a = nn.unary tanh %s : tensor<1x8xf32> -> tensor<1x8xf32>
    rnn.yield %a : tensor<1x8xf32>
  }
  func.return %h : tensor<1x8xf32>
}
