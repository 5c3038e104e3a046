// RUN: rnncc opt %s -p canonicalize | filecheck %s

// What is unused, repeated or never changes leaves the scan.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: [[LAST:%.+]], [[YS:%.+]] = rnn.scan %t of 5 "T" each([[XT:%.+]] = reverse %x : tensor<5x2xf32, ["T", ""]>) carry([[S:%.+]] = %h0 : tensor<2xf32>) -> (tensor<5x2xf32, ["T", ""]>) {
// CHECK-NEXT:   [[A:%.+]] = nn.binary add [[S]], [[XT]]
// CHECK-NEXT:   [[B:%.+]] = nn.binary mul [[A]], %h0
// CHECK-NEXT:   rnn.yield [[B]], [[B]] : tensor<2xf32>, tensor<2xf32>
// CHECK-NEXT: }
// CHECK-NEXT: func.return [[LAST]], [[YS]], [[YS]], %h0
func.func @main(%x: tensor<5x2xf32, ["T", ""]>, %z: tensor<5x2xf32, ["T", ""]>, %h0: tensor<2xf32>)
    -> (tensor<2xf32>, tensor<5x2xf32, ["T", ""]>, tensor<5x2xf32, ["T", ""]>, tensor<2xf32>) {
  %last, %dead, %same, %y1, %y2, %y3 = rnn.scan %t of 5 "T"
      each(%xt = reverse %x : tensor<5x2xf32, ["T", ""]>, %again = reverse %x : tensor<5x2xf32, ["T", ""]>, %zt = %z : tensor<5x2xf32, ["T", ""]>)
      carry(%s = %h0 : tensor<2xf32>, %own = %h0 : tensor<2xf32>, %fixed = %h0 : tensor<2xf32>)
      -> (tensor<5x2xf32, ["T", ""]>, tensor<5x2xf32, ["T", ""]>, reverse tensor<5x2xf32, ["T", ""]>) {
    %a = nn.binary add %s, %again : tensor<2xf32>, tensor<2xf32> -> tensor<2xf32>
    %b = nn.binary mul %a, %fixed : tensor<2xf32>, tensor<2xf32> -> tensor<2xf32>
    %c = nn.binary mul %own, %xt : tensor<2xf32>, tensor<2xf32> -> tensor<2xf32>
    rnn.yield %b, %c, %fixed, %b, %b, %c : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
  }
  func.return %last, %y1, %y2, %same : tensor<2xf32>, tensor<5x2xf32, ["T", ""]>, tensor<5x2xf32, ["T", ""]>, tensor<2xf32>
}
