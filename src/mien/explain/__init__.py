"""Explain predictions: occlusion maps, and the steps of the LSTM over the face."""
