"""Explain predictions: occlusion, and the steps of the LSTM over the face."""
