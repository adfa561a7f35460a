"""Numbers as a contract: golden losses, one rank against many, and Keras against PyTorch against ONNX."""
