"""The networks have the published shape, and augmentation changes faces only as it may."""

import pytest
import torch
from torch import nn

from mien.training.augment import Augment, resize
from mien.training.config import AugmentConfig, ModelConfig
from mien.training.model import FaceNet

SMALL = {"widths": (4, 8, 16), "units": 12}


@pytest.mark.parametrize("head", ["lstm", "dense"])
def test_a_face_becomes_seven_logits(head):
    net = FaceNet(ModelConfig(head=head, **SMALL), class_count=7).eval()
    assert net(torch.rand(5, 1, 48, 48)).shape == (5, 7)


def test_both_heads_share_one_trunk():
    lstm, dense = (FaceNet(ModelConfig(head=head, **SMALL), 7) for head in ("lstm", "dense"))
    assert str(lstm.trunk) == str(dense.trunk)


def test_the_lstm_reads_36_steps_in_raster_order():
    net = FaceNet(ModelConfig(**SMALL), class_count=7).eval()
    seen = []
    net.head.lstm.register_forward_hook(lambda module, args, output: seen.append(args[0]))
    x = torch.rand(2, 1, 48, 48)
    net(x)
    feature_map = net.trunk(x)
    assert seen[0].shape == (2, 36, 16)
    assert torch.equal(seen[0][:, 7], feature_map[:, :, 1, 1])  # the second of the second row


def test_the_order_of_the_steps_matters():
    net = FaceNet(ModelConfig(**SMALL), class_count=7).eval()
    feature_map = torch.rand(1, 16, 6, 6)
    upright, turned = net.head(feature_map), net.head(feature_map.flip(2))
    assert not torch.allclose(upright, turned, atol=1e-4)


def test_the_convolutions_are_followed_by_batch_normalisation():
    net = FaceNet(ModelConfig(depths=(1, 2, 3), **SMALL), class_count=7)
    count = {
        kind: sum(isinstance(module, kind) for module in net.modules())
        for kind in (nn.Conv2d, nn.BatchNorm2d, nn.LSTM)
    }
    assert count == {nn.Conv2d: 6, nn.BatchNorm2d: 6, nn.LSTM: 1}


NOTHING = AugmentConfig(
    rotation_degrees=0,
    width_shift=0,
    height_shift=0,
    zoom=0,
    shear_degrees=0,
    horizontal_flip=False,
)


def test_augmentation_that_is_switched_off_changes_nothing():
    faces = torch.rand(4, 1, 48, 48)
    assert torch.equal(Augment(NOTHING)(faces), faces)


@pytest.mark.parametrize(
    "change",
    [
        {"rotation_degrees": 20.0},
        {"width_shift": 0.2},
        {"height_shift": 0.2},
        {"zoom": 0.3},
        {"shear_degrees": 20.0},
        {"horizontal_flip": True},
        {"brightness": 0.3},
        {"contrast": 0.3},
        {"erasing": 1.0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_change_works_alone_repeats_and_stays_in_range(change):
    faces = torch.rand(16, 1, 48, 48)
    settings = {name: getattr(NOTHING, name) for name in NOTHING.__dataclass_fields__} | change
    augment = Augment(AugmentConfig(**settings))
    torch.manual_seed(3)
    first = augment(faces)
    torch.manual_seed(3)
    assert torch.equal(augment(faces), first)
    assert first.shape == faces.shape
    assert not torch.equal(first, faces)
    assert 0 <= first.min() <= first.max() <= 1


def test_a_shift_goes_only_in_its_own_direction():
    faces = torch.zeros(32, 1, 48, 48)
    faces[:, :, 20:28] = 1  # a horizontal bar: a shift along it shows nothing
    settings = {name: getattr(NOTHING, name) for name in NOTHING.__dataclass_fields__}
    sideways = Augment(AugmentConfig(**settings | {"width_shift": 0.2}))(faces)
    upwards = Augment(AugmentConfig(**settings | {"height_shift": 0.2}))(faces)
    assert torch.allclose(sideways, faces, atol=1e-5)
    assert not torch.allclose(upwards, faces, atol=1e-2)


def test_resize_keeps_what_is_the_right_size():
    faces = torch.rand(2, 1, 48, 48)
    assert resize(faces, 48) is faces
    assert resize(faces, 40).shape == (2, 1, 40, 40)
