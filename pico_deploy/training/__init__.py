"""Training of codecs: data, objective, recipe, finalisation to integers, rate-distortion
evaluation."""
