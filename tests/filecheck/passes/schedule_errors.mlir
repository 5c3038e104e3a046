// RUN: rnncc opt %s -p "schedule{policy=lisst}" --verify-diagnostics | filecheck %s

// CHECK: schedule has no policy 'lisst'
// CHECK: did you mean 'list'?
func.func @main() {
  func.return
}
