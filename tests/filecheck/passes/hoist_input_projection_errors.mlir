// RUN: not rnncc opt %s -p "hoist-input-projection{policy=atuo}" 2>&1 | filecheck %s
// RUN: not rnncc opt %s -p "hoist-input-projection{policy=auto target=egde}" 2>&1 | filecheck %s --check-prefix MACHINE

// CHECK: error: hoist-input-projection: unknown policy 'atuo' (policies: always, auto)
// CHECK-NEXT: hint: did you mean 'auto'?
// MACHINE: unknown machine 'egde'
func.func @main(%x: tensor<5x1x2xf32>) -> tensor<5x1x2xf32> {
  func.return %x : tensor<5x1x2xf32>
}
