"""Count the parameters and multiply-accumulates of a network."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mien.training.model import INPUT_SIZE, CnnLstm


@dataclass(frozen=True)
class Cost:
    """The cost of a network, independent of the hardware.

    Attributes:
        parameters: Number of trained parameters.
        macs: Multiply-accumulates for one face, in convolutions, dense layers and the LSTM.
    """

    parameters: int
    macs: int


def count_cost(net: CnnLstm) -> Cost:
    """Count a network's parameters, and its multiply-accumulates for one face of 48 px.

    Args:
        net: A network with any head; its mode and weights are not changed.
    """
    macs = 0

    def count(
        module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor | tuple[Tensor, ...]
    ) -> None:
        nonlocal macs
        if isinstance(module, nn.Conv2d) and isinstance(output, Tensor):
            macs += module.weight.numel() * output.shape[-2] * output.shape[-1]
        elif isinstance(module, nn.Linear):
            macs += module.weight.numel()
        elif isinstance(module, nn.LSTM):
            weights = [p for p in module.parameters() if p.ndim > 1]
            macs += inputs[0].shape[1] * sum(p.numel() for p in weights)

    hooks = [module.register_forward_hook(count) for module in net.modules()]
    was_training = net.training
    with torch.inference_mode():
        net.eval()(torch.zeros(1, 1, INPUT_SIZE, INPUT_SIZE))
    net.train(was_training)
    for hook in hooks:
        hook.remove()
    return Cost(sum(p.numel() for p in net.parameters()), macs)
