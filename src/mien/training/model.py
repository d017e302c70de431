"""Define the network: the CNN-LSTM and its CNN baseline."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from mien.model.recognizer import to_batches
from mien.training.config import ModelConfig

INPUT_SIZE = 48
"""Side of the model's input face, in pixels."""
MAP_SIZE = INPUT_SIZE // 8
"""Side of the feature map of such a face, after three poolings."""


class ConvBlock(nn.Module):
    """Convolutions with batch normalisation and ReLU, then max pooling and spatial dropout.

    Spatial dropout drops whole channels (Tompson et al. 2015, arXiv 1411.4280).

    Args:
        channels_in: Channels of the input.
        channels_out: Channels of the output.
        depth: Number of 3x3 convolutions.
        dropout: Share of the channels dropped in training, 0 to 1.
        residual: Add the first convolution's output to the last one's.
        separable: Filter each channel by itself, then mix the channels.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        depth: int,
        dropout: float,
        *,
        residual: bool,
        separable: bool,
    ) -> None:
        super().__init__()
        sources = [channels_in] + [channels_out] * (depth - 1)
        self.convolutions = nn.ModuleList(
            _make_convolution(source, channels_out, separable=separable) for source in sources
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels_out) for _ in sources)
        self.dropout = dropout
        self.residual = residual and depth > 1

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C_in, H, W) to (B, C_out, H/2, W/2)."""
        first = None
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = functional.relu(norm(convolution(x)))  # (B, C_out, H, W)
            first = x if first is None else first
        if self.residual and first is not None:
            x = x + first
        x = functional.max_pool2d(x, kernel_size=2)  # (B, C_out, H/2, W/2)
        return functional.dropout2d(x, self.dropout, self.training)


def _make_convolution(channels_in: int, channels_out: int, *, separable: bool) -> nn.Module:
    """Make a 3x3 convolution, or both halves of a depthwise separable one.

    A single channel, the grey face, has nothing to separate.
    """
    if not separable or channels_in == 1:
        return nn.Conv2d(channels_in, channels_out, kernel_size=3, padding=1, bias=False)
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_in, 3, padding=1, groups=channels_in, bias=False),
        nn.Conv2d(channels_in, channels_out, kernel_size=1, bias=False),
    )


class LstmHead(nn.Module):
    """The feature map, read as a sequence by one LSTM layer (Hochreiter & Schmidhuber 1997).

    The time axis is the face itself: brow, eyes, nose and mouth in one fixed order.

    Args:
        config: `scan`, `readout`, `bidirectional`, `shortcut`, `lstm_dropout` and `units` U.
        channels: Channels C of the feature map.
    """

    def __init__(self, config: ModelConfig, channels: int) -> None:
        super().__init__()
        self.scan, self.readout, self.dropout = config.scan, config.readout, config.lstm_dropout
        places = {"places": 1, "snake": 1, "rows": MAP_SIZE, "once": MAP_SIZE**2}[config.scan]
        units = config.units // 2 if config.bidirectional else config.units
        self.lstm = nn.LSTM(
            channels * places, units, batch_first=True, bidirectional=config.bidirectional
        )
        for name, parameter in self.lstm.named_parameters():
            if name.startswith("weight_hh"):
                nn.init.orthogonal_(parameter)
            if name.startswith("bias_ih"):  # an open forget gate keeps the first steps
                parameter.data[units : 2 * units] = 1.0
        self.shortcut = nn.Linear(channels, config.units) if config.shortcut else None

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, 6, 6) to (B, U)."""
        around = None if self.shortcut is None else self.shortcut(x.mean(dim=(2, 3)))  # (B, U)
        x = x.permute(0, 2, 3, 1)  # (B, 6, 6, C)
        if self.scan == "snake":
            rows = [row if y % 2 == 0 else row.flip(1) for y, row in enumerate(x.unbind(1))]
            x = torch.cat(rows, dim=1)  # (B, 36, C)
        elif self.scan == "places":
            x = x.flatten(1, 2)  # (B, 36, C): row by row, left to right
        elif self.scan == "rows":
            x = x.flatten(2)  # (B, 6, 6 * C)
        else:
            x = x.flatten(1).unsqueeze(1)  # (B, 1, 36 * C)
        # In float32 also under autocast: bfloat16 rounding errors add up over 36 steps.
        with torch.autocast(x.device.type, enabled=False):
            outputs, state = self._read(x.contiguous().float())  # (B, T, U), (1 or 2, B, .)
        ends = state.transpose(0, 1).flatten(1)  # (B, U): final state of each direction
        read = outputs.mean(dim=1) if self.readout == "mean" else ends
        return read if around is None else read + around

    def _read(self, steps: Tensor) -> tuple[Tensor, Tensor]:
        outputs: Tensor
        state: Tensor
        if self.training and self.dropout:
            weights = {
                name: functional.dropout(value, self.dropout) if "weight_hh" in name else value
                for name, value in self.lstm.named_parameters()
            }
            outputs, (state, _) = torch.func.functional_call(self.lstm, weights, (steps,))
        else:
            outputs, (state, _) = self.lstm(steps)
        return outputs, state


class DenseHead(nn.Module):
    """The baseline's head: Flatten and Dense instead of Reshape and LSTM.

    Args:
        channels: Channels C of the 6x6 feature map.
        units: Width U of the dense layer.
    """

    def __init__(self, channels: int, units: int) -> None:
        super().__init__()
        self.dense = nn.Linear(channels * MAP_SIZE**2, units)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, 6, 6) to (B, U)."""
        x = x.flatten(start_dim=1)  # (B, C * 36)
        return functional.relu(self.dense(x))  # (B, U)


class PoolHead(nn.Module):
    """Global average pooling, then Dense: a head without a sequence.

    Args:
        channels: Channels C of the feature map.
        units: Width U of the dense layer.
    """

    def __init__(self, channels: int, units: int) -> None:
        super().__init__()
        self.dense = nn.Linear(channels, units)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, 6, 6) to (B, U)."""
        x = x.mean(dim=(2, 3))  # (B, C)
        return functional.relu(self.dense(x))  # (B, U)


class CnnLstm(nn.Module):
    """Three convolutional blocks, a head over their feature map, and a dense layer.

    Args:
        config: Widths, depths, dropout and the kind of head.
        class_count: Number of classes K.
        label_layer: Add a second output layer that predicts the dataset's own label, while the
            first predicts people's votes.
    """

    def __init__(self, config: ModelConfig, class_count: int, *, label_layer: bool = False) -> None:
        super().__init__()
        channels = (1, *config.widths)
        blocks = zip(channels, config.widths, config.depths, config.block_dropout, strict=False)
        self.trunk = nn.Sequential(
            *(
                ConvBlock(*block, residual=config.residual, separable=config.separable)
                for block in blocks
            )
        )
        self.head = _make_head(config)
        self.dropout = nn.Dropout(config.head_dropout)
        self.classifier = nn.Linear(config.units, class_count)
        self.label_classifier = nn.Linear(config.units, class_count) if label_layer else None

    def forward(self, x: Tensor) -> Tensor:
        """Map grey faces (B, 1, 48, 48) in [0, 1] to logits (B, K); softmax gives the scores."""
        logits: Tensor = self.classifier(self._read(self.trunk(x)))  # (B, K)
        return logits

    def answer(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map faces to the logits of each output layer.

        Args:
            x: Grey faces, (B, 1, 48, 48), in [0, 1].

        Returns:
            The logits of `forward`, followed by those of the dataset's own label, if there is a
            layer.
        """
        return self.answer_map(self.trunk(x))

    def answer_map(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map the trunk's feature map to the logits of each output layer.

        Args:
            x: Feature map, (B, C, 6, 6).

        Returns:
            As `answer`.
        """
        x = self._read(x)  # (B, U)
        layers = (self.classifier, self.label_classifier)
        return tuple(layer(x) for layer in layers if layer is not None)

    def _read(self, x: Tensor) -> Tensor:
        x = self.head(x)  # (B, U)
        features: Tensor = self.dropout(x)
        return features

    def predict_logits(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Map grey faces (N, 48, 48) uint8 to logits (N, K), as a `Recognizer` does.

        The network must be in evaluation mode.
        """
        with torch.inference_mode():
            batches = [self(torch.from_numpy(batch)).numpy() for batch in to_batches(faces)]
        return np.concatenate(batches)


def _make_head(config: ModelConfig) -> nn.Module:
    channels = config.widths[-1]
    if config.head == "lstm":
        return LstmHead(config, channels)
    head = DenseHead if config.head == "dense" else PoolHead
    return head(channels, config.units)
