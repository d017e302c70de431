"""Convert a checkpoint to a model file: translate, calibrate, quantize, verify, write."""
