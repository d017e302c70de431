"""Augment batches of training faces."""

from typing import Final

import torch
from kornia import augmentation as kornia_augmentation
from torch import Tensor, nn
from torch.nn import functional

from mien.training.config import AugmentConfig

_SPOILT: Final = 0.25
"""Share of the faces that are dimmed, that are blurred, and that get noise."""


class Augment(nn.Module):
    """Random changes of a batch of faces, on the batch's device, each switched by the config.

    Rotation, shifts, zoom and shear are one affine map, so that a face is resampled once.

    Args:
        config: How far each change may go.
    """

    def __init__(self, config: AugmentConfig) -> None:
        super().__init__()
        changes: list[nn.Module] = []
        shift = (config.width_shift, config.height_shift)
        if config.rotation_degrees or any(shift) or config.zoom or config.shear_degrees:
            changes.append(
                kornia_augmentation.RandomAffine(
                    degrees=config.rotation_degrees,
                    translate=shift if any(shift) else None,
                    scale=(1 - config.zoom, 1 + config.zoom) if config.zoom else None,
                    shear=config.shear_degrees or None,
                    padding_mode="border",
                    p=1.0,
                )
            )
        if config.horizontal_flip:
            changes.append(kornia_augmentation.RandomHorizontalFlip(p=0.5))
        if config.contrast:
            changes.append(
                kornia_augmentation.RandomContrast(
                    (1 - config.contrast, 1 + config.contrast), p=1.0
                )
            )
        if config.brightness:
            brightness = (1 - config.brightness, 1 + config.brightness)
            changes.append(kornia_augmentation.RandomBrightness(brightness, p=1.0))
        if config.dimming:  # kornia's contrast is a factor of the light
            dimmed = (1 - config.dimming, 1.0)
            changes.append(kornia_augmentation.RandomContrast(dimmed, p=_SPOILT))
        if config.blur:
            sigma = (min(0.1, config.blur), config.blur)
            changes.append(kornia_augmentation.RandomGaussianBlur(9, sigma, p=_SPOILT))
        if config.noise:
            changes.append(kornia_augmentation.RandomGaussianNoise(std=config.noise, p=_SPOILT))
        if config.erasing:
            changes.append(
                kornia_augmentation.RandomErasing(scale=(0.02, 0.2), value=0.5, p=config.erasing)
            )
        self.changes = nn.Sequential(*changes)

    @torch.no_grad()
    def forward(self, faces: Tensor) -> Tensor:
        """Augment (B, 1, H, W) in [0, 1], with torch's random generator."""
        changed: Tensor = self.changes(faces)
        return changed.clamp(0, 1)


def resize(faces: Tensor, size: int) -> Tensor:
    """Resize faces, with antialiasing.

    Args:
        faces: (B, 1, H, W).
        size: The new side, in pixels.

    Returns:
        (B, 1, size, size); the same tensor if it already has that size.
    """
    if faces.shape[-1] == size:
        return faces
    return functional.interpolate(
        faces, size=(size, size), mode="bilinear", antialias=True, align_corners=False
    )
