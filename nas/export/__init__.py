"""Networks for use without this tool: ONNX, weights with a model card, a Python file."""
