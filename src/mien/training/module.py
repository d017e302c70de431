"""Define the training step: augmentation, loss, optimizer and metrics."""

from collections.abc import Sequence
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor
from torch.nn import functional
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

from mien.errors import TrainingError
from mien.training.augment import Augment, resize
from mien.training.checkpoint import Teacher
from mien.training.compiler import compile_network
from mien.training.config import TrainConfig
from mien.training.model import CnnLstm

Batch = tuple[Tensor, Tensor, Tensor]
"""Faces (B, 48, 48) uint8, labels (B,) int64 and targets (B, L, K) float32.

A label of -1 means none: the face is ignored in the accuracy. There is a target for each of the L
output layers of the network. A row sums to the weight of the face in that layer's loss: 1, or the
share of its votes that are for one of the K words.
"""


class TrainingModule(pl.LightningModule):
    """The network with its loss, optimizer and metrics.

    Args:
        config: The recipe.
        class_count: Number of classes K.
        description: The description to store in each checkpoint, in JSON types.
        class_weights: (K,) float32, the weight of each class in the loss; None is 1.
        teachers: Networks that predict each augmented face. With `config.votes`, those that do not
            predict votes teach only the label.
    """

    def __init__(
        self,
        config: TrainConfig,
        class_count: int,
        description: dict[str, Any],
        *,
        class_weights: Tensor | None = None,
        teachers: Sequence[Teacher] = (),
    ) -> None:
        super().__init__()
        self.config = config
        self.description = description
        self.net = CnnLstm(config.model, class_count, label_layer=config.has_label_layer)
        self.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # torch's gap
        if not config.start_rate:  # evaluation mode: no dropout, and fixed normalization
            self.net.trunk.requires_grad_(False).eval()
            self.net.head.requires_grad_(False).eval()
        self._answer = compile_network(self.net) if config.compile else self.net.answer
        # In a tuple, so that torch does not register them: checkpoints only have the network.
        self._teachers = tuple(teachers)
        self.augment = Augment(config.augment)
        self.register_buffer("class_weights", class_weights, persistent=False)
        self.class_weights: Tensor | None
        self.train_accuracy = MulticlassAccuracy(class_count, average="micro", ignore_index=-1)
        # Lightning's own mean over processes is inexact where their shares differ by a face.
        self.validation_loss = MeanMetric()
        self.validation_accuracy = MulticlassAccuracy(class_count, average="micro", ignore_index=-1)
        self.validation_label_accuracy = MulticlassAccuracy(class_count, average="micro")
        self.validation_macro_f1 = MulticlassF1Score(
            num_classes=class_count, average="macro", ignore_index=-1
        )

    def forward(self, faces: Tensor) -> Tensor:
        """Map faces (B, 48, 48) uint8 to logits (B, K)."""
        logits: Tensor = self.net(to_unit(faces))
        return logits

    def on_fit_start(self) -> None:
        """Move the teachers to the device of the faces."""
        for teacher in self._teachers:
            teacher.network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload] # torch's gap

    def on_train_epoch_start(self) -> None:
        """Seed each epoch by the seed, the epoch and the process only.

        A killed and resumed run then draws the same random numbers as an uninterrupted one.
        """
        draw = (self.config.seed * 10_007 + self.current_epoch) * 1_009 + self.global_rank
        torch.manual_seed(draw)

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """Return the loss of one batch."""
        faces, labels, targets = batch
        x = self.augment(to_unit(faces))  # (B, 1, 48, 48)
        if self._teachers:
            targets = self._teach(x, targets)
        x = resize(x, self.config.size_at(self.current_epoch))
        if self.config.mixup:
            x, targets = mix(x, targets, self.config.mixup)
        if self.config.cutmix:
            x, targets = cut_and_mix(x, targets, self.config.cutmix)
        answers = self._answer(x.contiguous(memory_format=torch.channels_last))
        loss = self._weigh(answers, targets)
        if not torch.isfinite(loss):
            raise TrainingError(
                f"the loss became {loss.item()} in epoch {self.current_epoch + 1}; the last good "
                f"checkpoint is kept: lower learning_rate, now {self.config.learning_rate}"
            )
        self.train_accuracy(answers[0].detach(), labels)
        figures = {"train_loss": loss.detach(), "train_accuracy": self.train_accuracy}
        self._show(figures, len(labels))
        return loss

    def _weigh(self, answers: Sequence[Tensor], targets: Tensor) -> Tensor:
        """Return the loss of the output layers' logits, L times (B, K), for targets (B, L, K)."""
        weights = (1.0, self.config.label_weight)
        losses = [
            weight
            * functional.cross_entropy(
                logits.float(),
                targets[:, layer],
                weight=self.class_weights,
                label_smoothing=self.config.label_smoothing,
            )
            for layer, (logits, weight) in enumerate(zip(answers, weights, strict=False))
        ]
        return torch.stack(losses).sum()

    @torch.no_grad()
    def _teach(self, x: Tensor, targets: Tensor) -> Tensor:
        """Mix the predictions of the current teacher for faces x into targets (B, L, K).

        The loss is linear in the target, so on average over the steps the network learns the mean
        of the teachers. A teacher trained on labels only does not teach the votes.
        """
        teacher = self._teachers[self.global_step % len(self._teachers)]
        answers = teacher.network.answer(x.contiguous(memory_format=torch.channels_last))
        taught = targets.clone()
        first = 1 if self.config.votes and not teacher.knows_votes else 0
        for layer, logits in enumerate(answers, start=first):
            if layer < targets.shape[1]:
                said = logits.float().softmax(dim=1)
                taught[:, layer] = torch.lerp(targets[:, layer], said, self.config.distillation)
        return taught

    def validation_step(self, batch: Batch, index: int) -> None:
        """Update the metrics with one batch of validation faces, always at 48 px."""
        faces, labels, targets = batch
        logits, *second = (answer.float() for answer in self.net.answer(to_unit(faces)))
        self.validation_loss(functional.cross_entropy(logits, targets[:, 0]), len(labels))
        self.validation_accuracy(logits, labels)
        self.validation_macro_f1(logits, labels)
        figures = {
            "validation_loss": self.validation_loss,
            "validation_accuracy": self.validation_accuracy,
            "validation_macro_f1": self.validation_macro_f1,
        }
        if second:
            self.validation_label_accuracy(second[0], targets[:, 1].argmax(dim=1))
            figures["validation_label_accuracy"] = self.validation_label_accuracy
        self._show(figures, len(labels))

    def _show(self, figures: dict[str, Any], faces: int) -> None:
        """Log means over the epoch."""
        self.log_dict(
            figures, on_step=False, on_epoch=True, prog_bar=True, sync_dist=True, batch_size=faces
        )

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the description to the checkpoint."""
        measured = self.trainer.callback_metrics.items()
        checkpoint["mien"] = self.description | {
            "epoch": self.current_epoch + 1,
            "validation": {k: float(v) for k, v in measured if k.startswith("validation")},
        }

    def configure_optimizers(self) -> Any:
        """Create the optimizer, with a one-cycle schedule (Smith & Topin, arXiv 1708.07120)."""
        groups = _group(self.net, self.config)
        optimizer = (
            torch.optim.AdamW(groups)
            if self.config.optimizer == "adamw"
            else torch.optim.SGD(groups, momentum=0.9, nesterov=True)
        )

        scheduler = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            max_lr=[group["lr"] for group in groups],
            total_steps=int(self.trainer.estimated_stepping_batches),
            pct_start=self.config.warmup,
            cycle_momentum=False,
            final_div_factor=1e3,
        )

        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }


def to_unit(faces: Tensor) -> Tensor:
    """Map faces (B, 48, 48) uint8 to (B, 1, 48, 48) float32 in [0, 1], channels last."""
    x = faces.unsqueeze(1).float() / 255  # (B, 1, 48, 48)
    return x.contiguous(memory_format=torch.channels_last)


def mix(faces: Tensor, targets: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """Mix each face and its target with another of the batch.

    Zhang et al., "mixup: Beyond Empirical Risk Minimization" (2018), arXiv 1710.09412.

    Args:
        faces: (B, 1, H, W).
        targets: (B, K), rows sum to 1.
        alpha: Parameter of the Beta distribution of the other face's share, above 0.

    Returns:
        The same shapes, by torch's generator.
    """
    share = _draw_share(alpha, faces.device)
    other = torch.randperm(len(faces), device=faces.device)
    return torch.lerp(faces, faces[other], share), torch.lerp(targets, targets[other], share)


def cut_and_mix(faces: Tensor, targets: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """Paste a rectangle of another face into each face, and mix their targets by its area.

    Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable
    Features" (2019), arXiv 1905.04899. The rectangle is the same for the whole batch.

    Args:
        faces: (B, 1, H, W).
        targets: (B, K), rows sum to 1.
        alpha: Parameter of the Beta distribution of the rectangle's share of the face, above 0;
            parts outside the face are cut off.

    Returns:
        The same shapes, by torch's generator.
    """
    height, width = faces.shape[2:]
    side = _draw_share(alpha, faces.device).sqrt()
    centre = torch.rand(2, device=faces.device)
    size = torch.tensor((height, width), device=faces.device)
    start = ((centre - side / 2) * size).round().clamp(min=0).long().tolist()
    stop = ((centre + side / 2) * size).round().long().minimum(size).tolist()
    other = torch.randperm(len(faces), device=faces.device)
    rows, columns = (slice(*ends) for ends in zip(start, stop, strict=True))
    pasted = faces.clone()
    pasted[:, :, rows, columns] = faces[other][:, :, rows, columns]
    area = (stop[0] - start[0]) * (stop[1] - start[1]) / (height * width)
    return pasted, torch.lerp(targets, targets[other], area)


def _draw_share(alpha: float, device: torch.device) -> Tensor:
    """Draw a share from 0 to 1 from Beta(alpha, alpha)."""
    concentration = torch.tensor(alpha)
    return torch.distributions.Beta(concentration, concentration).sample().to(device)


def _group(net: CnnLstm, config: TrainConfig) -> list[dict[str, Any]]:
    """Group the weights by learning rate and weight decay.

    Matrices and filters decay; biases and norms, which have one axis, do not. The last layer comes
    first if the others have their own learning rate.
    """
    parts = {config.learning_rate: list(net.parameters())}
    if config.start_rate < 1:
        last = list(net.classifier.parameters())
        rest = [p for name, p in net.named_parameters() if not name.startswith("classifier.")]
        parts = {config.learning_rate: last, config.learning_rate * config.start_rate: rest}
    return [
        {"params": [p for p in part if (p.ndim > 1) == decays], "lr": rate, "weight_decay": decay}
        for rate, part in parts.items()
        for decays, decay in ((True, config.weight_decay), (False, 0.0))
    ]
