// RUN: rnncc opt %s -p decompose-cells,canonicalize | filecheck %s

// One product of x and one of h; i, o and f share an activation.
// CHECK-LABEL: func.func @lstm
// CHECK: [[H:%.+]], [[C:%.+]], [[Y:%.+]] = rnn.scan %t of 5 "T" each([[XT:%.+]] = %x : tensor<5x2x3xf32, ["T", "", ""]>) carry([[HT:%.+]] = %h0 : tensor<2x4xf32>, [[CT:%.+]] = %c0 : tensor<2x4xf32>) -> (tensor<5x2x4xf32, ["T", "", ""]>) {
// CHECK-NEXT:   [[PX:%.+]] = nn.matmul [[XT]], %w transpose_b
// CHECK-NEXT:   [[PH:%.+]] = nn.matmul [[HT]], %r transpose_b
// CHECK-NEXT:   [[SUM:%.+]] = nn.binary add [[PX]], [[PH]]
// CHECK-NEXT:   [[IOF:%.+]] = nn.slice [[SUM]] starts [0, 0] sizes [2, 12]
// CHECK-NEXT:   [[ACT:%.+]] = nn.unary sigmoid [[IOF]]
// CHECK-NEXT:   [[CELL:%.+]] = nn.slice [[SUM]] starts [0, 12] sizes [2, 4]
// CHECK-NEXT:   [[G:%.+]] = nn.unary tanh [[CELL]]
// CHECK-NEXT:   [[I:%.+]] = nn.slice [[ACT]] starts [0, 0]
// CHECK-NEXT:   [[O:%.+]] = nn.slice [[ACT]] starts [0, 4]
// CHECK-NEXT:   [[F:%.+]] = nn.slice [[ACT]] starts [0, 8]
// CHECK-NEXT:   [[FC:%.+]] = nn.binary mul [[F]], [[CT]]
// CHECK-NEXT:   [[IG:%.+]] = nn.binary mul [[I]], [[G]]
// CHECK-NEXT:   [[NEXT:%.+]] = nn.binary add [[FC]], [[IG]]
// CHECK-NEXT:   [[T:%.+]] = nn.unary tanh [[NEXT]]
// CHECK-NEXT:   [[OUT:%.+]] = nn.binary mul [[O]], [[T]]
// CHECK-NEXT:   rnn.yield [[OUT]], [[NEXT]], [[OUT]]
// CHECK-NEXT: } {onnx.node = "cell"}
func.func @lstm(%x: tensor<5x2x3xf32, ["T", "", ""]>, %w: tensor<16x3xf32>, %r: tensor<16x4xf32>, %h0: tensor<2x4xf32>, %c0: tensor<2x4xf32>) -> (tensor<5x2x4xf32, ["T", "", ""]>, tensor<2x4xf32>, tensor<2x4xf32>) {
  %y, %h, %c = rnn.lstm %x, %w, %r h0(%h0) c0(%c0) {hidden = 4 : i64, activations = ["sigmoid", "tanh", "tanh"], alphas = array<f32: 0.0, 0.0, 0.0>, betas = array<f32: 0.0, 0.0, 0.0>, onnx.node = "cell"} : (tensor<5x2x3xf32, ["T", "", ""]>, tensor<16x3xf32>, tensor<16x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>) -> (tensor<5x2x4xf32, ["T", "", ""]>, tensor<2x4xf32>, tensor<2x4xf32>)
  func.return %y, %h, %c : tensor<5x2x4xf32, ["T", "", ""]>, tensor<2x4xf32>, tensor<2x4xf32>
}

// The reset gate multiplies h before its product: two products of the state.
// CHECK-LABEL: func.func @gru
// CHECK: [[R1:%.+]] = nn.slice %r starts [0, 0] sizes [8, 4]
// CHECK: [[R2:%.+]] = nn.slice %r starts [8, 0] sizes [4, 4]
// CHECK: rnn.scan {{.*}} each({{.*}} = reverse %x : {{.*}}) {{.*}} lens(%l : tensor<2xi32>) {
// CHECK: nn.matmul {{.*}}, [[R1]] transpose_b
// CHECK: nn.matmul {{.*}}, [[R2]] transpose_b
// The final state of an empty row is zero.
// CHECK: nn.compare gt
// CHECK: nn.select
func.func @gru(%x: tensor<5x2x3xf32>, %w: tensor<12x3xf32>, %r: tensor<12x4xf32>, %l: tensor<2xi32>, %h0: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %y, %h = rnn.gru %x, %w, %r lens(%l) h0(%h0) {hidden = 4 : i64, reverse, activations = ["sigmoid", "tanh"], alphas = array<f32: 0.0, 0.0>, betas = array<f32: 0.0, 0.0>} : (tensor<5x2x3xf32>, tensor<12x3xf32>, tensor<12x4xf32>, tensor<2xi32>, tensor<2x4xf32>) -> (tensor<5x2x4xf32>, tensor<2x4xf32>)
  func.return %h : tensor<2x4xf32>
}

// CHECK-LABEL: func.func @elman
// CHECK: nn.binary max
// CHECK-NEXT: nn.binary min
// CHECK-NEXT: nn.unary leaky_relu {{%.+}} alpha 0.25
func.func @elman(%x: tensor<5x2x3xf32>, %w: tensor<4x3xf32>, %r: tensor<4x4xf32>) -> tensor<5x2x4xf32> {
  %y, %h = rnn.elman %x, %w, %r {hidden = 4 : i64, clip = 2.0 : f32, activations = ["leaky_relu"], alphas = array<f32: 0.25>, betas = array<f32: 0.0>} : (tensor<5x2x3xf32>, tensor<4x3xf32>, tensor<4x4xf32>) -> (tensor<5x2x4xf32>, tensor<2x4xf32>)
  func.return %y : tensor<5x2x4xf32>
}
