"""The networks have the published shape, and augmentation changes faces only as it may."""

import pytest

pytest.importorskip("torch", reason="mien[train] is not installed")

import torch
from torch import nn

from mien.training.augment import Augment, resize
from mien.training.config import AugmentConfig, ModelConfig
from mien.training.cost import count_cost
from mien.training.model import CnnLstm
from mien.training.module import cut_and_mix, mix

SMALL = {"widths": (4, 8, 16), "units": 12}


VARIANTS = {
    "places": {},
    "places, last": {"readout": "last"},
    "rows": {"scan": "rows"},
    "once": {"scan": "once", "readout": "last"},
    "both ways": {"bidirectional": True},
    "both ways, last": {"bidirectional": True, "readout": "last"},
    "snake": {"scan": "snake"},
    "shortcut": {"shortcut": True},
    "shortcut, both ways, last": {"shortcut": True, "bidirectional": True, "readout": "last"},
    "lstm dropout": {"lstm_dropout": 0.5},
    "dense": {"head": "dense"},
    "pool": {"head": "pool"},
    "residual": {"residual": True},
    "separable": {"separable": True},
}


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
def test_a_face_becomes_seven_logits(changes):
    net = CnnLstm(ModelConfig(**changes, **SMALL), class_count=7).eval()
    assert net(torch.rand(5, 1, 48, 48)).shape == (5, 7)


@pytest.mark.parametrize(("scan", "steps"), [("places", 36), ("rows", 6), ("once", 1)])
def test_a_scan_has_its_number_of_steps_and_covers_the_whole_map(scan, steps):
    net = CnnLstm(ModelConfig(scan=scan, **SMALL), class_count=7).eval()
    seen = []
    net.head.lstm.register_forward_hook(lambda module, args, output: seen.append(args[0]))
    feature_map = torch.rand(2, 16, 6, 6)
    net.head(feature_map)
    assert seen[0].shape == (2, steps, 36 // steps * 16)
    assert torch.equal(seen[0].flatten(1), feature_map.permute(0, 2, 3, 1).flatten(1))


def test_a_snake_goes_on_to_a_neighbour_and_covers_the_whole_map():
    head = CnnLstm(ModelConfig(scan="snake", **SMALL), class_count=7).eval().head
    seen = []
    head.lstm.register_forward_hook(lambda module, args, output: seen.append(args[0]))
    places = torch.stack(torch.meshgrid(torch.arange(6.0), torch.arange(6.0), indexing="ij"))
    head(torch.cat([places, torch.zeros(14, 6, 6)])[None])
    y, x = seen[0][0, :, 0], seen[0][0, :, 1]
    assert torch.equal(y.diff().abs() + x.diff().abs(), torch.ones(35))
    assert set((6 * y + x).tolist()) == set(range(36))


def test_a_shortcut_adds_the_mean_of_the_map():
    head = CnnLstm(ModelConfig(shortcut=True, **SMALL), class_count=7).eval().head
    feature_map = torch.rand(2, 16, 6, 6)
    around = head.shortcut(feature_map.mean(dim=(2, 3)))
    whole, head.shortcut = head(feature_map), None
    assert torch.allclose(whole, head(feature_map) + around, atol=1e-6)


def test_an_lstm_does_without_some_weights_in_training_alone():
    head = CnnLstm(ModelConfig(lstm_dropout=0.5, **SMALL), class_count=7).head
    feature_map = torch.rand(2, 16, 6, 6)
    assert not torch.equal(head(feature_map), head(feature_map))
    head(feature_map).sum().backward()
    assert (head.lstm.weight_hh_l0.grad == 0).float().mean() > 0.3
    assert (head.lstm.weight_ih_l0.grad == 0).float().mean() < 0.3
    assert torch.equal(head.eval()(feature_map), head(feature_map))


def test_the_last_output_of_both_directions_is_where_each_ended():
    config = ModelConfig(readout="last", bidirectional=True, **SMALL)
    head = CnnLstm(config, class_count=7).eval().head
    feature_map = torch.rand(2, 16, 6, 6)
    steps = feature_map.permute(0, 2, 3, 1).flatten(1, 2)
    outputs = head.lstm(steps)[0]
    ends = torch.cat([outputs[:, -1, :6], outputs[:, 0, 6:]], dim=1)
    assert torch.allclose(head(feature_map), ends)


def test_a_mean_over_places_knows_no_order():
    head = CnnLstm(ModelConfig(head="pool", **SMALL), class_count=7).eval().head
    feature_map = torch.rand(1, 16, 6, 6)
    assert torch.allclose(head(feature_map), head(feature_map.flip(2)), atol=1e-6)


def test_the_cost_is_that_of_arithmetic_on_paper():
    net = CnnLstm(ModelConfig(widths=(4, 8, 16), depths=(1, 1, 1), units=12), class_count=7)
    convolutions = 9 * (1 * 4 * 48**2 + 4 * 8 * 24**2 + 8 * 16 * 12**2)
    lstm = 36 * 4 * 12 * (16 + 12)
    assert count_cost(net).macs == convolutions + lstm + 12 * 7
    assert count_cost(net).parameters == sum(p.numel() for p in net.parameters())
    assert net.training

    config = ModelConfig(widths=(4, 8, 16), depths=(1, 1, 1), units=12, separable=True)
    depthwise = 9 * (4 * 24**2 + 8 * 12**2)
    pointwise = 4 * 8 * 24**2 + 8 * 16 * 12**2
    first = 9 * 4 * 48**2
    separable = CnnLstm(config, class_count=7)
    assert count_cost(separable).macs == first + depthwise + pointwise + lstm + 12 * 7


def test_mixing_is_the_same_for_faces_and_targets():
    faces = torch.arange(8.0).reshape(8, 1, 1, 1).expand(8, 1, 4, 4)
    targets = torch.eye(8)
    torch.manual_seed(3)
    mixed, said = mix(faces, targets, alpha=1.0)
    assert torch.allclose(said.sum(dim=1), torch.ones(8))
    assert torch.allclose(said @ torch.arange(8.0), mixed[:, 0, 0, 0], atol=1e-5)
    assert not torch.equal(said, targets)


def test_a_pasted_rectangle_counts_by_its_area():
    faces = torch.arange(8.0).reshape(8, 1, 1, 1).expand(8, 1, 12, 12)
    targets = torch.eye(8)
    areas = set()
    for seed in range(20):
        torch.manual_seed(seed)
        pasted, said = cut_and_mix(faces, targets, alpha=1.0)
        assert torch.allclose(said.sum(dim=1), torch.ones(8))
        assert torch.allclose(said @ torch.arange(8.0), pasted.mean(dim=(1, 2, 3)), atol=1e-5)
        areas.add(round(float(said.diagonal().min()), 3))
    assert len(areas) > 10
    assert torch.equal(faces[:, 0, 0, 0], torch.arange(8.0))  # the batch itself is left alone


def test_both_heads_share_one_trunk():
    lstm, dense = (CnnLstm(ModelConfig(head=head, **SMALL), 7) for head in ("lstm", "dense"))
    assert str(lstm.trunk) == str(dense.trunk)


def test_the_lstm_reads_36_steps_in_raster_order():
    net = CnnLstm(ModelConfig(**SMALL), class_count=7).eval()
    seen = []
    net.head.lstm.register_forward_hook(lambda module, args, output: seen.append(args[0]))
    x = torch.rand(2, 1, 48, 48)
    net(x)
    feature_map = net.trunk(x)
    assert seen[0].shape == (2, 36, 16)
    assert torch.equal(seen[0][:, 7], feature_map[:, :, 1, 1])  # the second of the second row


def test_the_order_of_the_steps_matters():
    net = CnnLstm(ModelConfig(**SMALL), class_count=7).eval()
    feature_map = torch.rand(1, 16, 6, 6)
    upright, turned = net.head(feature_map), net.head(feature_map.flip(2))
    assert not torch.allclose(upright, turned, atol=1e-4)


def test_the_convolutions_are_followed_by_batch_normalisation():
    net = CnnLstm(ModelConfig(depths=(1, 2, 3), **SMALL), class_count=7)
    count = {
        kind: sum(isinstance(module, kind) for module in net.modules())
        for kind in (nn.Conv2d, nn.BatchNorm2d, nn.LSTM)
    }
    assert count == {nn.Conv2d: 6, nn.BatchNorm2d: 6, nn.LSTM: 1}


def test_a_separable_convolution_filters_each_channel_then_mixes_them():
    net = CnnLstm(ModelConfig(separable=True, **SMALL), class_count=7)
    first, second = net.trunk[1].convolutions
    assert isinstance(net.trunk[0].convolutions[0], nn.Conv2d)  # a grey face is one channel
    for depthwise, pointwise in (first, second):
        assert depthwise.kernel_size == (3, 3)
        assert depthwise.groups == depthwise.in_channels == depthwise.out_channels
        assert pointwise.kernel_size == (1, 1)
        assert pointwise.groups == 1


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
        {"dimming": 0.7},
        {"blur": 1.5},
        {"noise": 0.1},
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
