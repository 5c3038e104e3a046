// RUN: not rnncc compile %s 2>&1 | filecheck %s
// RUN: not rnncc compile %s --shape x=3 2>&1 | filecheck %s --check-prefix=SHAPE
// IR with a mistake is shown where it is; its shapes are its own.

// CHECK:      error: {{.*}}not_ir.mlir is not IR that rnncc reads: {{.*}}not_ir.mlir:11:{{[0-9]+}}
// CHECK-NEXT:   %y = nn.unari tanh %x
// SHAPE: error: {{.*}}not_ir.mlir: IR states its own shapes

func.func @main(%x : tensor<3xf32>) -> tensor<3xf32> {
  // The operation is mistyped.
  %y = nn.unari tanh %x : tensor<3xf32> -> tensor<3xf32>
  func.return %y : tensor<3xf32>
}
