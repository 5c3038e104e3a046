// RUN: rnncc opt %s -p "batch-sequences{size=4 ragged=true}" --split-input-file --verify-diagnostics | filecheck %s

// CHECK: nn.reduce): it looks along the time, which ends elsewhere in each sequence of a ragged batch
func.func @mean(%x: tensor<5x1x2xf32, ["T", "", ""]>) -> tensor<1x2xf32> attributes {rnncc.symbols = {T = 5 : i64}} {
  %m = nn.reduce mean %x axes [0] {onnx.node = "pool"} : tensor<5x1x2xf32, ["T", "", ""]> -> tensor<1x2xf32>
  func.return %m : tensor<1x2xf32>
}

// -----

// CHECK: nn.dynamic_slice): each sequence would be cut at a place of its own
func.func @cut(%x: tensor<4x1xf32>, %i: tensor<i64>) -> tensor<2x1xf32> {
  %m = nn.dynamic_slice %x, %i axis 0 size 2 {onnx.node = "cut"} : tensor<4x1xf32>, tensor<i64> -> tensor<2x1xf32>
  func.return %m : tensor<2x1xf32>
}

// -----

// CHECK: (nn.gather): each sequence would index a table of its own
func.func @rows(%x: tensor<1x4x2xf32>, %i: tensor<1xi64>) -> tensor<1x1x2xf32> {
  %m = nn.gather %x, %i axis 1 {onnx.node = "rows"} : tensor<1x4x2xf32>, tensor<1xi64> -> tensor<1x1x2xf32>
  func.return %m : tensor<1x1x2xf32>
}
