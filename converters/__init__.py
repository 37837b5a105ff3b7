"""A trained codec becomes artefacts for phones: ONNX, Core ML, TFLite, each gated and reported."""
