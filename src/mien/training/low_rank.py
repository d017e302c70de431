"""Replace a convolution by three smaller ones, of a lower rank."""

import torch
from torch import Tensor, nn


class LowRankConvolution(nn.Sequential):
    """A 3x3 convolution as a Tucker decomposition: 1x1, 3x3 and 1x1 convolutions.

    Its weights are the products of those of the three, which follow each other without an
    activation (Kim et al. 2016, arXiv 1511.06530).

    Args:
        channels_in: Channels of the input.
        channels_out: Channels of the output.
        rank: Channels of the 3x3 convolution, fewer than both.
    """

    def __init__(self, channels_in: int, channels_out: int, rank: int) -> None:
        super().__init__(
            nn.Conv2d(channels_in, rank, kernel_size=1, bias=False),
            nn.Conv2d(rank, rank, kernel_size=3, padding=1, bias=False),
            nn.Conv2d(rank, channels_out, kernel_size=1, bias=False),
        )
        self.rank = rank

    def approximate(self, weight: Tensor) -> None:
        """Take over the weights of a plain convolution, as far as the rank allows.

        Args:
            weight: (C_out, C_in, 3, 3) of the convolution.
        """
        parts = decompose(weight.detach(), self.rank)
        self.load_state_dict({f"{layer}.weight": part for layer, part in enumerate(parts)})


def decompose(weight: Tensor, rank: int) -> tuple[Tensor, Tensor, Tensor]:
    """Decompose a convolution's weights along both kinds of channels (Tucker-2).

    The bases are the leading singular vectors of the unfolded weights (De Lathauwer et al. 2000,
    doi 10.1137/S0895479896305696).

    Args:
        weight: (C_out, C_in, 3, 3).
        rank: R, at most C_out and C_in.

    Returns:
        The weights of the three convolutions that replace it: (R, C_in, 1, 1), (R, R, 3, 3) and
        (C_out, R, 1, 1).
    """
    outputs = _find_basis(weight.flatten(1), rank)  # (C_out, R)
    inputs = _find_basis(weight.transpose(0, 1).flatten(1), rank)  # (C_in, R)
    core = torch.einsum("oihw,or,is->rshw", weight, outputs, inputs)
    return inputs.T[..., None, None], core, outputs[..., None, None]


def _find_basis(unfolded: Tensor, rank: int) -> Tensor:
    vectors: Tensor = torch.linalg.svd(unfolded, full_matrices=False).U
    return vectors[:, :rank]


def make_convolution(channels_in: int, channels_out: int, rank: int) -> nn.Module:
    """Make a 3x3 convolution, of a lower rank if one is given and both sides have more channels."""
    if 0 < rank < min(channels_in, channels_out):
        return LowRankConvolution(channels_in, channels_out, rank)
    return nn.Conv2d(channels_in, channels_out, kernel_size=3, padding=1, bias=False)
