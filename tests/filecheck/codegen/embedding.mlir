// RUN: rnncc compile %s --emit asm | filecheck %s
// A table is read by rows where it lies; only the rows asked for move.

// CHECK: gather f32,f32,i64 [3, {{.*}}] {{.*}}dram[table{{.*}}rows=500
func.func @main(%table : tensor<500x64xf32>, %i : tensor<3xi64>) -> tensor<3x64xf32> attributes {rnncc.inputs = ["table", "i"], rnncc.outputs = ["y"]} {
  %y = nn.gather %table, %i axis 0 : tensor<500x64xf32>, tensor<3xi64> -> tensor<3x64xf32>
  func.return %y : tensor<3x64xf32>
}
