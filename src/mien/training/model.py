"""This module turns a batch of faces into logits: the CNN-LSTM and its CNN baseline, whole."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from mien.preprocess import to_input
from mien.training.config import ModelConfig

INPUT_SIZE = 48
"""Side of the face the model reads, in pixels."""
_BATCH = 128


class ConvBlock(nn.Module):
    """Convolutions with batch normalisation and ReLU, then max pooling and spatial dropout.

    Spatial dropout drops whole channels (Tompson et al. 2015, arXiv 1411.4280).

    Args:
        channels_in: Channels of the input.
        channels_out: Channels of the output.
        depth: How many 3x3 convolutions.
        dropout: Share of the channels dropped in training, 0 to 1.
    """

    def __init__(self, channels_in: int, channels_out: int, depth: int, dropout: float) -> None:
        super().__init__()
        sources = [channels_in] + [channels_out] * (depth - 1)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(source, channels_out, kernel_size=3, padding=1, bias=False)
            for source in sources
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels_out) for _ in sources)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C_in, H, W) to (B, C_out, H/2, W/2)."""
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = functional.relu(norm(convolution(x)))  # (B, C_out, H, W)
        x = functional.max_pool2d(x, kernel_size=2)  # (B, C_out, H/2, W/2)
        return functional.dropout2d(x, self.dropout, self.training)


class LstmHead(nn.Module):
    """The feature map, read in raster order by one LSTM layer, whose outputs are averaged.

    The time axis is the face itself: brow, eyes, nose and mouth in one fixed order.

    Args:
        channels: Channels C of the feature map, the length of a step.
        units: Width U of the LSTM's state (Hochreiter & Schmidhuber 1997).
    """

    def __init__(self, channels: int, units: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(channels, units, batch_first=True)
        for name, parameter in self.lstm.named_parameters():
            if name.startswith("weight_hh"):
                nn.init.orthogonal_(parameter)
            if name.startswith("bias_ih"):  # A forget gate that starts open keeps the brow.
                parameter.data[units : 2 * units] = 1.0

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, 6, 6) to (B, U)."""
        x = x.flatten(start_dim=2)  # (B, C, 36)
        x = x.transpose(1, 2).contiguous()  # (B, 36, C): row by row, left to right
        # In float32 also under autocast: 36 steps add up what bfloat16 rounds away.
        with torch.autocast(x.device.type, enabled=False):
            outputs: Tensor = self.lstm(x.float())[0]  # (B, 36, U)
        return outputs.mean(dim=1)  # (B, U)


class DenseHead(nn.Module):
    """The baseline's head: Flatten and Dense in place of Reshape and LSTM.

    Args:
        channels: Channels C of the 6x6 feature map.
        units: Width U of the dense layer.
    """

    def __init__(self, channels: int, units: int) -> None:
        super().__init__()
        self.dense = nn.Linear(channels * (INPUT_SIZE // 8) ** 2, units)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, 6, 6) to (B, U)."""
        x = x.flatten(start_dim=1)  # (B, C * 36)
        return functional.relu(self.dense(x))  # (B, U)


class FaceNet(nn.Module):
    """Three convolutional blocks, a head over their feature map, and a dense layer.

    Args:
        config: Widths, depths, dropout and the kind of head.
        class_count: How many classes K to tell apart.
    """

    def __init__(self, config: ModelConfig, class_count: int) -> None:
        super().__init__()
        channels = (1, *config.widths)
        blocks = zip(channels, config.widths, config.depths, config.block_dropout, strict=False)
        self.trunk = nn.Sequential(*(ConvBlock(*block) for block in blocks))
        head = LstmHead if config.head == "lstm" else DenseHead
        self.head = head(config.widths[-1], config.units)
        self.dropout = nn.Dropout(config.head_dropout)
        self.classifier = nn.Linear(config.units, class_count)

    def forward(self, x: Tensor) -> Tensor:
        """Map grey faces (B, 1, 48, 48) in [0, 1] to logits (B, K); softmax gives the scores."""
        x = self.trunk(x)  # (B, C, 6, 6)
        x = self.head(x)  # (B, U)
        logits: Tensor = self.classifier(self.dropout(x))  # (B, K)
        return logits

    def predict_logits(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Map grey faces (N, 48, 48) uint8 to logits (N, K), as a `Recognizer` does.

        The network must be in evaluation mode.
        """
        with torch.inference_mode():
            batches = [
                self(torch.from_numpy(to_input(faces[start : start + _BATCH]))).numpy()
                for start in range(0, len(faces), _BATCH)
            ]
        return np.concatenate(batches)
