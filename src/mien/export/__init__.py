"""From a checkpoint to a model file: translation, calibration, quantization, proof."""
