// RUN: rnncc compile %s --emit asm | filecheck %s
// A length known only at run time is a register, which multiplies extents.

// CHECK: .symbol T 6 [[T:r[0-9]+]]
// CHECK: unary.tanh f32 [{{.*}}*[[T]]{{.*}}]
func.func @main(%x : tensor<6x1x8xf32, ["T", "", ""]>) -> tensor<6x1x8xf32, ["T", "", ""]> attributes {rnncc.inputs = ["x"], rnncc.outputs = ["y"], rnncc.symbols = {T = 6 : i64}} {
  %y = nn.unary tanh %x : tensor<6x1x8xf32, ["T", "", ""]> -> tensor<6x1x8xf32, ["T", "", ""]>
  func.return %y : tensor<6x1x8xf32, ["T", "", ""]>
}
