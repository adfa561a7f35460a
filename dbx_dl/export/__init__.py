"""From a trained network to one self-contained ONNX file that agrees with it."""
