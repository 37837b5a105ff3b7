"""PyTorch codecs and the protocol under which converters see them."""
