// RUN: rnncc opt %s -p place-memory{target=edge} --split-input-file | filecheck %s

// Small weights stay; what is only returned is made off chip; the bias is added on the product's blocks.
// CHECK-LABEL: func.func @main
// CHECK: nn.matmul {{.*}} {npu.epilogue, npu.memory = ["dram"], npu.weights = "resident"}
// CHECK: nn.binary add {{.*}} {npu.memory = ["dram"]}
func.func @main(%x: tensor<4x8xf32>, %w: tensor<8x8xf32>, %b: tensor<8xf32>) -> tensor<4x8xf32> {
  %p = nn.matmul %x, %w : tensor<4x8xf32>, tensor<8x8xf32> -> tensor<4x8xf32>
  %r = nn.binary add %p, %b : tensor<4x8xf32>, tensor<8xf32> -> tensor<4x8xf32>
  func.return %r : tensor<4x8xf32>
}

// -----

// 4096 x 4096 weights do not fit 4 MiB of bf16: they pass through panels, small ones so that many rows fit that stay. The small ones of the loop, used in every step, stay.
// CHECK-LABEL: func.func @main
// CHECK: nn.matmul {{.*}} {npu.memory = ["vmem"], npu.weights = "streamed", npu.kept = {{[0-9]+}} : i64, npu.panel = {{[0-9]+}} : i64, npu.panels = {{[0-9]+}} : i64, npu.room = {{[0-9]+}} : i64}
// CHECK: nn.matmul {{.*}} {npu.memory = ["vmem"], npu.weights = "resident"}
func.func @main(%x: tensor<1x4096xf32>, %w: tensor<4096x4096xf32>, %u: tensor<4096x64xf32>, %v: tensor<64x4096xf32>) -> tensor<1x4096xf32> {
  %h = rnn.scan %t of 9 carry(%s = %x : tensor<1x4096xf32>) -> () {
    %a = nn.matmul %s, %w : tensor<1x4096xf32>, tensor<4096x4096xf32> -> tensor<1x4096xf32>
    %b = nn.matmul %a, %u : tensor<1x4096xf32>, tensor<4096x64xf32> -> tensor<1x64xf32>
    %c = nn.matmul %b, %v : tensor<1x64xf32>, tensor<64x4096xf32> -> tensor<1x4096xf32>
    rnn.yield %c : tensor<1x4096xf32>
  }
  func.return %h : tensor<1x4096xf32>
}

// -----

// A sequence larger than the vector memory stays off chip.
// CHECK-LABEL: func.func @main
// CHECK-SAME: npu.memory = ["dram"]
// CHECK: nn.unary exp {{.*}} {npu.memory = ["dram"]}
// CHECK: nn.reduce sum {{.*}} {npu.memory = ["dram"]}
func.func @main(%x: tensor<100000x8xf32>) -> tensor<100000xf32> {
  %e = nn.unary exp %x : tensor<100000x8xf32> -> tensor<100000x8xf32>
  %r = nn.reduce sum %e axes [1] : tensor<100000x8xf32> -> tensor<100000xf32>
  func.return %r : tensor<100000xf32>
}
