// RUN: rnncc opt %s -p lower-to-npu --split-input-file --verify-diagnostics | filecheck %s

// One instruction for three dimensions; operands broadcast by strides of zero; the result goes straight home.
// CHECK-LABEL: builtin.module
// CHECK: npu.output "y"
// CHECK: [[B:%.+]] = npu.alloc
// CHECK: npu.binary add {{.*}} [1, 4, 8]
// CHECK: npu.dma
// CHECK: func.return
func.func @main(%x: tensor<4x8xf32>, %b: tensor<8xf32>) -> tensor<4x8xf32> attributes {rnncc.inputs = ["x", "b"], rnncc.outputs = ["y"]} {
  %r = nn.binary add %x, %b : tensor<4x8xf32>, tensor<8xf32> -> tensor<4x8xf32>
  func.return %r : tensor<4x8xf32>
}

// -----

// Views move nothing: a transpose, a reversed slice and a reshape in front of one instruction.
// CHECK-LABEL: builtin.module
// CHECK: npu.view {{%.+}} + 5 [0, 6, -1] : !npu.buffer<4x6xf32, dram>
// CHECK-NEXT: npu.dma
// CHECK: npu.unary exp {{.*}} [1, 6, 4]
func.func @main(%x: tensor<4x6xf32>) -> tensor<6x4xf32> {
  %t = nn.transpose %x perm [1, 0] : tensor<4x6xf32> -> tensor<6x4xf32>
  %s = nn.slice %t starts [5, 0] sizes [6, 4] steps [-1, 1] : tensor<6x4xf32> -> tensor<6x4xf32>
  %r = nn.unary exp %s : tensor<6x4xf32> -> tensor<6x4xf32>
  func.return %r : tensor<6x4xf32>
}

// -----

// The parts of a concatenation are computed where they belong.
// CHECK-LABEL: builtin.module
// CHECK: npu.unary exp
// CHECK: npu.unary tanh
// CHECK-NOT: identity
// CHECK: func.return
func.func @main(%x: tensor<2x3xf32>) -> tensor<2x6xf32> {
  %a = nn.unary exp %x : tensor<2x3xf32> -> tensor<2x3xf32>
  %b = nn.unary tanh %x : tensor<2x3xf32> -> tensor<2x3xf32>
  %r = nn.concat %a, %b axis 1 : tensor<2x3xf32>, tensor<2x3xf32> -> tensor<2x6xf32>
  func.return %r : tensor<2x6xf32>
}

// -----

// A scan is a loop whose state is updated in place; weights are loaded before it.
// CHECK-LABEL: builtin.module
// CHECK: npu.input "input0" 0 symbols ["T", ""]
// CHECK: npu.length "T"
// CHECK: npu.dma {{.*}} !npu.view<f32, wmem>
// CHECK: npu.loop [[I:%.+]] = {{%.+}} max 5 {
// CHECK: npu.mm
// CHECK: npu.view {{%.+}}{{\[}}[[I]] * 2] [0, 0, 1]
// CHECK: npu.binary add
// CHECK: npu.unary tanh
// CHECK: }
func.func @main(%x: tensor<5x2xf32, ["T", ""]>, %h0: tensor<1x2xf32>) -> tensor<1x2xf32> attributes {rnncc.symbols = {T = 5 : i64}} {
  %w = nn.constant #nn.weight<"w", tensor<2x2xf32>, "0x000000000000803F0000803F00000000">
  %h = rnn.scan %t of 5 "T" each(%xt = %x : tensor<5x2xf32, ["T", ""]>) carry(%s = %h0 : tensor<1x2xf32>) -> () {
    %p = nn.matmul %s, %w transpose_b : tensor<1x2xf32>, tensor<2x2xf32> -> tensor<1x2xf32>
    %z = nn.binary add %p, %xt : tensor<1x2xf32>, tensor<2xf32> -> tensor<1x2xf32>
    %n = nn.unary tanh %z : tensor<1x2xf32> -> tensor<1x2xf32>
    rnn.yield %n : tensor<1x2xf32>
  }
  func.return %h : tensor<1x2xf32>
}

// -----

// Each instruction names its ONNX node.
// CHECK-LABEL: builtin.module
// CHECK: npu.reduce max {{.*}} {onnx.node = "soft"}
// CHECK: npu.binary sub {{.*}} {onnx.node = "soft"}
// CHECK: npu.unary exp {{.*}} {onnx.node = "soft"}
// CHECK: npu.reduce sum {{.*}} {onnx.node = "soft"}
// CHECK: npu.binary div {{.*}} {onnx.node = "soft"}
func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %r = nn.softmax %x axis 1 {onnx.node = "soft"} : tensor<2x3xf32> -> tensor<2x3xf32>
  func.return %r : tensor<2x3xf32>
}

// -----

// A run-time length inside a joined dimension cannot be followed.
// CHECK: node 'join' (nn.reshape): a reshape of [2, 5] would have to move a run-time length that is not outermost
func.func @main(%x: tensor<2x5xf32, ["", "T"]>) -> tensor<10xf32, ["T"]> attributes {rnncc.symbols = {T = 5 : i64}} {
  %r = nn.reshape %x {onnx.node = "join"} : tensor<2x5xf32, ["", "T"]> -> tensor<10xf32, ["T"]>
  func.return %r : tensor<10xf32, ["T"]>
}
