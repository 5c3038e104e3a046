// RUN: rnncc opt %s -p "quantize{format=int8}" | filecheck %s
// RUN: rnncc opt %s -p "quantize{format=bf16}" | filecheck %s --check-prefix BF16
// RUN: not rnncc opt %s -p "quantize{format=int12}" 2>&1 | filecheck %s --check-prefix BAD

// Rows of weights become multiples of a 127th of their largest magnitude; without inputs the operand stays.
// CHECK-LABEL: func.func @main
// CHECK-SAME: rnncc.remarks = ["quantize: 1 product has weights in int8, relative error of a row up to 0.
// CHECK-SAME: "quantize: operands stay as they are: integers need calibration inputs for their range"
// CHECK-SAME: rnncc.approximate = ["quantize{format=int8}"]
// CHECK: [[W:%.+]] = nn.constant #nn.weight
// CHECK: nn.matmul %x, [[W]] transpose_b
// BF16-LABEL: func.func @main
// BF16: [[X:%.+]] = nn.cast %x : tensor<1x2xf32> -> tensor<1x2xbf16>
// BF16-NEXT: [[Y:%.+]] = nn.cast [[X]] : tensor<1x2xbf16> -> tensor<1x2xf32>
// BF16: nn.matmul [[Y]], {{%.+}} transpose_b
// BAD: error: {{.*}}quantize has no format 'int12' (formats: machine, fp32, bf16, fp16, int8, int16
func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = nn.constant dense<[[1.1, 0.4], [0.3, 2.7]]> : tensor<2x2xf32>
  %y = nn.matmul %x, %w transpose_b : tensor<1x2xf32>, tensor<2x2xf32> -> tensor<1x2xf32>
  func.return %y : tensor<1x2xf32>
}
