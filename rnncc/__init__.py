"""rnncc: a compiler for recurrent networks, from ONNX to values and cycles on a simulated accelerator."""
