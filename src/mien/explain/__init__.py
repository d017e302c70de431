"""Where an answer came from: occlusion, and the LSTM's walk over the face."""
