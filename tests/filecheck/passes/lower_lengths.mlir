// RUN: rnncc opt %s -p lower-lengths | filecheck %s

// CHECK-LABEL: func.func @lengths
// CHECK: nn.reduce max {{%.+}} axes [0] : tensor<5xi32, ["T"]> -> tensor<i32>
// CHECK: nn.binary min %l
// CHECK: [[L:%.+]] = nn.binary max
// CHECK: [[X:%.+]] = nn.reverse_sequence %x, [[L]]
// CHECK: [[MASK:%.+]] = nn.compare lt {{.*}} -> tensor<5x2x1xi1, ["T", "", ""]>
// CHECK: [[MOST:%.+]] = nn.reduce max [[L]]
// CHECK: [[STEPS:%.+]] = nn.cast [[MOST]] : tensor<i32> -> tensor<i64>
// CHECK: [[H:%.+]], [[Y:%.+]] = rnn.scan %t of 5 "T" each(%xt = [[X]] : {{.*}}, %active = [[MASK]] : {{.*}}) carry(%h = %h0 : tensor<2x4xf32>) steps([[STEPS]] : tensor<i64>) -> (tensor<5x2x4xf32, ["T", "", ""]>) {
// CHECK-NEXT:   [[N:%.+]] = nn.binary add %xt, %h
// CHECK-NEXT:   [[K:%.+]] = nn.select %active, [[N]], %h
// CHECK-NEXT:   rnn.yield [[K]], [[N]]
// CHECK-NEXT: }
// CHECK: [[Z:%.+]] = nn.select [[MASK]], [[Y]]
// CHECK: [[R:%.+]] = nn.reverse_sequence [[Z]], [[L]]
// CHECK: func.return [[H]], [[R]]
func.func @lengths(%x: tensor<5x2x4xf32, ["T", "", ""]>, %h0: tensor<2x4xf32>, %l: tensor<2xi32>) -> (tensor<2x4xf32>, tensor<5x2x4xf32, ["T", "", ""]>) {
  %last, %ys = rnn.scan %t of 5 "T" each(%xt = reverse %x : tensor<5x2x4xf32, ["T", "", ""]>) carry(%h = %h0 : tensor<2x4xf32>) lens(%l : tensor<2xi32>) -> (reverse tensor<5x2x4xf32, ["T", "", ""]>) {
    %n = nn.binary add %xt, %h : tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
    rnn.yield %n, %n : tensor<2x4xf32>, tensor<2x4xf32>
  }
  func.return %last, %ys : tensor<2x4xf32>, tensor<5x2x4xf32, ["T", "", ""]>
}
