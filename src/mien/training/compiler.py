"""Compile the network for training, with `torch.compile`."""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor
from torch._inductor.cpp_builder import get_cpp_compiler

from mien.errors import ConfigError
from mien.training.model import CnnLstm


def compile_network(net: CnnLstm) -> Callable[[Tensor], tuple[Tensor, ...]]:
    """Compile a network's convolutional blocks, which keep their weights.

    Normalization, ReLU and pooling become loops that pass over the feature maps fewer times. The
    results are the same up to rounding: dropout draws the same random numbers. The head is not
    compiled: its LSTM is one call of a library.

    Args:
        net: The network. Evaluation and checkpoints use it as it is.

    Returns:
        A function like `net.answer`. Its first call for each input size takes time to compile.

    Raises:
        ConfigError: There is no C++ compiler, which is required unless a GPU is used.
    """
    if not torch.cuda.is_available():
        try:
            get_cpp_compiler()
        except RuntimeError as error:
            raise ConfigError(
                "compile = true requires a C++ compiler, and none was found: install one (g++ on "
                "Linux, clang++ on macOS, MSVC on Windows), set CXX to its path, or omit compile"
            ) from error
    with warnings.catch_warnings():
        # The compiler's own: it imports modules that use a deprecated function of torch.
        warnings.filterwarnings("ignore", message=".*script_method.*", category=DeprecationWarning)
        trunk = torch.compile(net.trunk, dynamic=False, options={"fallback_random": True})
    return lambda faces: net.answer_map(trunk(faces))
