// RUN: rnncc opt %s -p form-chains | filecheck %s

// What needs no state goes first; each product is followed by what takes its result on; the product from which
// another one follows goes before the one from which none does.
// CHECK-LABEL: func.func @order
// CHECK-SAME: "form-chains: a recurrence without a name: a step is 4 chains"
// CHECK: rnn.scan
// CHECK-NEXT: [[X:%.+]] = nn.matmul %x, %w
// CHECK-NEXT: [[R:%.+]] = nn.matmul %h, %w
// CHECK-NEXT: [[RS:%.+]] = nn.unary sigmoid [[R]]
// CHECK-NEXT: [[RH:%.+]] = nn.binary mul [[RS]], %h
// CHECK-NEXT: [[Z:%.+]] = nn.matmul %h, %w
// CHECK-NEXT: [[ZS:%.+]] = nn.unary tanh [[Z]]
// CHECK-NEXT: [[C:%.+]] = nn.matmul [[RH]], %w
// CHECK-NEXT: [[S:%.+]] = nn.binary add [[C]], [[X]]
// CHECK-NEXT: [[N:%.+]] = nn.binary mul [[S]], [[ZS]]
// CHECK-NEXT: rnn.yield [[N]]
func.func @order(%xs: tensor<5x1x2xf32>, %h0: tensor<1x2xf32>, %w: tensor<2x2xf32>) -> tensor<1x2xf32> {
  %hn = rnn.scan %t of 5 each(%x = %xs : tensor<5x1x2xf32>) carry(%h = %h0 : tensor<1x2xf32>) {
    %z = nn.matmul %h, %w : tensor<1x2xf32>, tensor<2x2xf32> -> tensor<1x2xf32>
    %r = nn.matmul %h, %w : tensor<1x2xf32>, tensor<2x2xf32> -> tensor<1x2xf32>
    %p = nn.matmul %x, %w : tensor<1x2xf32>, tensor<2x2xf32> -> tensor<1x2xf32>
    %zs = nn.unary tanh %z : tensor<1x2xf32> -> tensor<1x2xf32>
    %rs = nn.unary sigmoid %r : tensor<1x2xf32> -> tensor<1x2xf32>
    %rh = nn.binary mul %rs, %h : tensor<1x2xf32>, tensor<1x2xf32> -> tensor<1x2xf32>
    %c = nn.matmul %rh, %w : tensor<1x2xf32>, tensor<2x2xf32> -> tensor<1x2xf32>
    %s = nn.binary add %c, %p : tensor<1x2xf32>, tensor<1x2xf32> -> tensor<1x2xf32>
    %n = nn.binary mul %s, %zs : tensor<1x2xf32>, tensor<1x2xf32> -> tensor<1x2xf32>
    rnn.yield %n : tensor<1x2xf32>
  }
  func.return %hn : tensor<1x2xf32>
}

// Another length of vector ends a chain.
// CHECK-LABEL: func.func @lengths
// CHECK-SAME: a step is 2 chains
func.func @lengths(%xs: tensor<5x1x2xf32>, %h0: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %hn = rnn.scan %t of 5 each(%x = %xs : tensor<5x1x2xf32>) carry(%h = %h0 : tensor<1x2xf32>) {
    %a = nn.unary tanh %x : tensor<1x2xf32> -> tensor<1x2xf32>
    %p = nn.slice %a starts [0, 0] sizes [1, 1] steps [1, 1] : tensor<1x2xf32> -> tensor<1x1xf32>
    %n = nn.binary add %p, %h : tensor<1x1xf32>, tensor<1x2xf32> -> tensor<1x2xf32>
    rnn.yield %n : tensor<1x2xf32>
  }
  func.return %hn : tensor<1x2xf32>
}
