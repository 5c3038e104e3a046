// RUN: rnncc opt %s -p allocate --verify-diagnostics --split-input-file | filecheck %s

// CHECK: node 'big_add': buffer 'a' needs 1200000 bytes of vmem (2400000 with what is needed beside it), the machine has 1048576
// CHECK: hint: take a machine with more vmem
func.func @main() {
  %a = npu.alloc "a" : !npu.buffer<300000xf32, vmem>
  %b = npu.alloc "b" : !npu.buffer<300000xf32, vmem>
  %av = npu.view %a [0, 0, 1] : !npu.buffer<300000xf32, vmem>
  %bv = npu.view %b [0, 0, 1] : !npu.buffer<300000xf32, vmem>
  npu.unary tanh %bv, %av [1, 1, 300000] {"onnx.node" = "big_add"} : !npu.view<f32, vmem>, !npu.view<f32, vmem>
  func.return
}
