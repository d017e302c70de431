"""The settings of a training, as frozen dataclasses that validate their values."""

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Final, Literal

from mien.errors import ConfigError


@dataclass(frozen=True)
class ModelConfig:
    """The network: three convolutional blocks, then an LSTM or a dense layer.

    Attributes:
        head: `lstm` reads the feature map as a sequence; `dense` flattens it (the CNN baseline);
            `pool` averages it over its places.
        scan: One step of the LSTM: one of the map's `places` in raster order (36 steps at 48 px);
            the same as a `snake`, with every second row from right to left; one of its `rows` (6
            steps); or the whole map at `once` (a single step).
        readout: The output of the LSTM: the `mean` over its steps, or the `last` step.
        bidirectional: Add a second LSTM in the reverse direction; each has half of `units`.
        shortcut: Add the mean of the map, through a dense layer, to the LSTM's output: a residual
            connection (He et al. 2016, arXiv 1512.03385).
        lstm_dropout: Share of the LSTM's recurrent weights dropped in each training batch, 0 to 1
            (Merity et al. 2017, arXiv 1708.02182).
        widths: Channels of each convolutional block.
        depths: 3x3 convolutions in each block.
        block_dropout: Share of channels dropped after each block (spatial dropout), 0 to 1.
        residual: Add the output of a block's first convolution to its last, before pooling (He et
            al. 2016, arXiv 1512.03385).
        separable: Factor each 3x3 convolution but the first into one over space and one over
            channels (depthwise separable; Chollet 2017, arXiv 1610.02357): a fifth of the
            computation.
        units: Width of the LSTM's state, or of the dense layer of the other heads.
        head_dropout: Dropout before the last dense layer, 0 to 1.
    """

    head: Literal["lstm", "dense", "pool"] = "lstm"
    scan: Literal["places", "snake", "rows", "once"] = "places"
    readout: Literal["mean", "last"] = "mean"
    bidirectional: bool = False
    shortcut: bool = False
    lstm_dropout: float = 0.0
    widths: tuple[int, ...] = (32, 64, 128)
    depths: tuple[int, ...] = (2, 2, 2)
    block_dropout: tuple[float, ...] = (0.05, 0.1, 0.2)
    residual: bool = False
    separable: bool = False
    units: int = 128
    head_dropout: float = 0.3


@dataclass(frozen=True)
class AugmentConfig:
    """Random augmentation of training faces; 0 (or `false`) turns a transformation off.

    Attributes:
        rotation_degrees: Largest rotation in either direction, in degrees.
        width_shift: Largest horizontal shift, as a fraction of the width.
        height_shift: Largest vertical shift, as a fraction of the height.
        zoom: Largest zoom in or out, as a fraction: 0.1 is 0.9 to 1.1 times.
        shear_degrees: Largest horizontal shear, in degrees.
        horizontal_flip: Mirror half of the faces.
        brightness: Largest amount added to or subtracted from all levels, as a fraction of white.
        contrast: Largest change of all levels by a factor: 0.2 is 0.8 to 1.2.
        dimming: Largest loss of light, as a fraction, applied to a quarter of the faces.
        blur: Largest standard deviation of a Gaussian blur, in pixels up to 3, applied to a quarter
            of the faces.
        noise: Standard deviation of Gaussian noise, as a fraction of white, applied to a quarter of
            the faces.
        erasing: Probability that a rectangle (2 to 20 % of the face) is painted grey, 0 to 1.
    """

    rotation_degrees: float = 10.0
    width_shift: float = 0.1
    height_shift: float = 0.1
    zoom: float = 0.1
    shear_degrees: float = 5.0
    horizontal_flip: bool = True
    brightness: float = 0.0
    contrast: float = 0.0
    dimming: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    erasing: float = 0.0


@dataclass(frozen=True)
class Stage:
    """A stage of the training at one input size.

    Attributes:
        size: Side of the faces in this stage, in pixels (a multiple of 8).
        epochs: Number of epochs.
    """

    size: int
    epochs: int


@dataclass(frozen=True)
class TrainConfig:
    """Everything that determines the result of a training, apart from the data.

    Attributes:
        name: Name of the model, its run folder and its files.
        seed: Seed of the weights, the order of the faces and the augmentation.
        start: `accurate`, `fast`, or a checkpoint (`best.safetensors` of a run) to start from. For
            other classes, the last layer is not copied. The architecture must be the same.
        start_rate: With `start`: factor on the learning rate of all layers but the last, 0 to 1
            (Howard & Ruder 2018, arXiv 1801.06146); 0 freezes them, including normalization and
            dropout.
        stages: Input sizes and their epochs, in order; the last must be 48 px.
        batch_size: Faces per step.
        optimizer: `adamw`, or `sgd` with Nesterov's momentum of 0.9.
        learning_rate: Peak learning rate, with warmup and decay to near zero (one cycle).
        warmup: Share of the steps used for warmup, 0 to 1.
        weight_decay: Decoupled weight decay (Loshchilov & Hutter 2019, arXiv 1711.05101).
        label_smoothing: Share of the target distributed equally over all classes, 0 to 1.
        mixup: Alpha of the Beta distribution by which two faces and their targets are mixed (Zhang
            et al. 2018, arXiv 1710.09412); 0 is none.
        cutmix: Alpha of the Beta distribution by which a rectangle of another face, and as much of
            its target, replaces a part of one (Yun et al. 2019, arXiv 1905.04899); 0 is none.
        without_copies: Remove from train blank faces, faces that are also in validation, and exact
            duplicates beyond the first.
        class_balance: Class weights: the frequency of the class to the power of minus this; 0 is
            none, 1 gives all classes equal weight.
        teachers: Teachers for distillation (Hinton et al. 2015, arXiv 1503.02531): tables, each the
            `predictions.csv` of `mien evaluate --split train`; or networks (`accurate`, `fast`, or
            checkpoints), which predict each augmented face (Beyer et al. 2022, arXiv 2106.05237),
            one network per step, in turn.
        distillation: Share of the target given to the teachers' vote, 0 to 1.
        votes: A table of how many people chose each word for each face (see `mien.data.votes`). The
            network learns the shares of the votes. Teachers that were trained on votes also teach
            these, the others the dataset's own label.
        label_weight: With `votes`: weight of the loss on the dataset's own label, relative to 1 for
            the votes. The label is learnt by a second output layer on the same trunk; 0 omits this
            layer.
        average_decay: Decay of the moving average of the weights, per step; 0 is none.
        best_by: Criterion of the best epoch on the validation split: the highest `accuracy`, or the
            lowest `loss`, which is preferable where probabilities matter, as with votes.
        early_stopping: Patience in epochs without improvement on validation; 0 disables it.
        gradient_clip: Maximum norm of the gradient; 0 disables clipping.
        precision: `auto` uses bfloat16 autocast if a short benchmark finds it faster.
        compile: Compile the convolutional blocks with `torch.compile`, which requires a C++
            compiler on a CPU and takes time at the start of each stage. The results are the same up
            to rounding.
        model: The network.
        augment: The augmentation.
    """

    name: str = "model"
    seed: int = 1
    start: str = ""
    start_rate: float = 1.0
    stages: tuple[Stage, ...] = (Stage(48, 30),)
    batch_size: int = 64
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = 1.5e-3
    warmup: float = 0.1
    weight_decay: float = 0.05
    label_smoothing: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0
    without_copies: bool = False
    class_balance: float = 0.0
    teachers: tuple[str, ...] = ()
    distillation: float = 0.0
    votes: str = ""
    label_weight: float = 0.0
    average_decay: float = 0.999
    best_by: Literal["accuracy", "loss"] = "accuracy"
    early_stopping: int = 0
    gradient_clip: float = 1.0
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    compile: bool = False
    model: ModelConfig = field(default_factory=ModelConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)

    def __post_init__(self) -> None:
        _check(self)

    @property
    def epochs(self) -> int:
        """Total number of epochs of all stages."""
        return sum(stage.epochs for stage in self.stages)

    @property
    def has_label_layer(self) -> bool:
        """Whether a second output layer predicts the dataset's own label."""
        return bool(self.votes and self.label_weight)

    @property
    def asks_networks(self) -> bool:
        """Whether the teachers are networks instead of tables of predictions."""
        return any(not teacher.endswith(".csv") for teacher in self.teachers)

    def size_at(self, epoch: int) -> int:
        """Return the input size of an epoch.

        Args:
            epoch: Index of the epoch, from 0.

        Returns:
            The side of the faces in that epoch, in pixels.
        """
        for stage in self.stages:
            if epoch < stage.epochs:
                return stage.size
            epoch -= stage.epochs
        return self.stages[-1].size

    def to_dict(self) -> dict[str, Any]:
        """Return the config as JSON and TOML types."""
        plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return plain

    def to_toml(self) -> str:
        """Return the config as a recipe, which `read_config` reads back."""
        plain = self.to_dict()
        sections = {key: plain.pop(key) for key in ("model", "augment")}
        stages = ", ".join(f"{{ size = {s.size}, epochs = {s.epochs} }}" for s in self.stages)
        plain["stages"] = None
        lines = [
            f"{key} = [{stages}]" if key == "stages" else f"{key} = {json.dumps(value)}"
            for key, value in plain.items()
        ]
        for name, section in sections.items():
            lines += ["", f"[{name}]"]
            lines += [f"{key} = {json.dumps(value)}" for key, value in section.items()]
        return "\n".join(lines) + "\n"


_RANGES: Final[tuple[tuple[str, Callable[[float], bool], tuple[str, ...]], ...]] = (
    (
        "at least 0 and under 1",
        lambda share: 0 <= share < 1,
        (
            "warmup",
            "label_smoothing",
            "average_decay",
            "model.lstm_dropout",
            "model.head_dropout",
            "model.block_dropout",
            "augment.zoom",
            "augment.width_shift",
            "augment.height_shift",
            "augment.brightness",
            "augment.contrast",
            "augment.dimming",
            "augment.noise",
        ),
    ),
    (
        "from 0 to 1",
        lambda share: 0 <= share <= 1,
        ("class_balance", "distillation", "start_rate", "augment.erasing"),
    ),
    (
        "0 or more",
        lambda number: number >= 0,
        (
            "mixup",
            "cutmix",
            "label_weight",
            "weight_decay",
            "gradient_clip",
            "early_stopping",
            "augment.rotation_degrees",
            "augment.shear_degrees",
        ),
    ),
    (
        "at least 1",
        lambda count: count >= 1,
        ("batch_size", "model.units", "model.widths", "model.depths"),
    ),
    ("over 0", lambda rate: rate > 0, ("learning_rate",)),
    ("from 0 to 3", lambda sigma: 0 <= sigma <= 3, ("augment.blur",)),
    ("from 0 to 4294967295", lambda seed: 0 <= seed < 2**32, ("seed",)),
)
"""Allowed values: in words, as a function, and the settings they apply to."""


def _check(config: TrainConfig) -> None:
    """Reject values out of range, and settings that exclude each other."""
    for wanted, holds, settings in _RANGES:
        for setting in settings:
            value = attrgetter(setting)(config)
            for number in value if isinstance(value, tuple) else (value,):
                if not holds(number):
                    raise ConfigError(f"{setting} must be {wanted}, got {number}")

    _check_teaching(config)
    _check_model(config.model)
    _check_stages(config)


def _check_teaching(config: TrainConfig) -> None:
    """Reject settings of the targets that exclude each other, or require another."""
    if config.mixup and config.cutmix:
        raise ConfigError("mixup and cutmix exclude each other; set only one of them")
    if config.start_rate < 1 and not config.start:
        raise ConfigError("start_rate requires start; set both, or neither")
    if bool(config.teachers) != bool(config.distillation):
        raise ConfigError("teachers and distillation require each other; set both, or neither")

    if config.label_weight and not config.votes:
        raise ConfigError(
            "label_weight is for a second output layer next to the one for votes: set votes too, "
            "or omit label_weight"
        )

    # Tables of teachers have one prediction per face: they have no layer for the label.
    if config.votes and config.teachers and not config.asks_networks:
        raise ConfigError(
            "votes require networks as teachers instead of tables; pass the teachers' checkpoints"
        )
    if config.asks_networks and any(teacher.endswith(".csv") for teacher in config.teachers):
        raise ConfigError(
            "teachers must be either tables (.csv) or networks; to convert networks to tables, run "
            "mien evaluate MODEL --split train"
        )


def _check_model(model: ModelConfig) -> None:
    if not len(model.widths) == len(model.depths) == len(model.block_dropout) == 3:
        raise ConfigError(
            "model.widths, depths and block_dropout must have one number per block: 3"
        )
    if model.bidirectional and model.units % 2:
        raise ConfigError(f"model.units must be even if bidirectional, got {model.units}")


def _check_stages(config: TrainConfig) -> None:
    if not config.stages:
        raise ConfigError("stages must be at least 1, got 0")
    for stage in config.stages:
        if stage.size % 8 or not 16 <= stage.size <= 96 or stage.epochs < 1:
            raise ConfigError(
                f"a stage must have a size from 16 to 96 px in steps of 8 and at least one epoch, "
                f"got {stage.size} px and {stage.epochs}"
            )

    if config.stages[-1].size != 48:
        raise ConfigError(
            f"the last stage must train at 48 px, the size the model reads, "
            f"got {config.stages[-1].size}"
        )

    # A dense layer, and steps of a row or the whole map, only fit one size of the map.
    model = config.model
    is_fixed = model.head == "dense" or (model.head == "lstm" and model.scan != "places")
    if is_fixed and any(stage.size != 48 for stage in config.stages):
        raise ConfigError(
            f"model.head={model.head} with model.scan={model.scan} requires faces of 48 px, but "
            f"stages start at {config.stages[0].size} px; add --set "
            f"'stages=[{{size=48, epochs={config.epochs}}}]' (the recipe `baseline` has the dense "
            "head and its stage)"
        )
