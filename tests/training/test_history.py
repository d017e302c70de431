"""The history of a training says what a reader needs, and no column twice."""

import pytest

pytest.importorskip("torch")

from mien.training.history import _HEADING, EpochBar, choose_best, plot_curves

ROWS = [
    {
        "epoch": epoch,
        "size": 48,
        "train_loss": 2 - epoch / 10,
        "train_accuracy": 0.3 + epoch / 10,
        "validation_loss": loss,
        "validation_accuracy": accuracy,
    }
    for epoch, loss, accuracy in ((1, 1.8, 0.4), (2, 1.5, 0.6), (3, 1.4, 0.6), (4, 1.6, 0.5))
]


def test_curves_have_whole_epochs_percent_the_best_epoch_and_a_name():
    assert choose_best(ROWS)["epoch"] == 3
    figure = plot_curves(ROWS, "mine")
    loss, accuracy = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["mine loss", "mine accuracy"]
    for axes in figure.axes:
        assert all(float(tick).is_integer() for tick in axes.get_xticks())
        marks = [line for line in axes.get_lines() if line.get_label() == "best epoch, 3"]
        assert [line.get_xdata().tolist() for line in marks] == [[3]]
    assert accuracy.yaxis.get_major_formatter()(0.5) == "50%"
    assert loss.yaxis.get_major_formatter()(0.5) != "50%"


def test_a_recipe_may_judge_epochs_by_their_loss():
    rows = [row | {"validation_loss": 3 - row["validation_loss"]} for row in ROWS]
    assert choose_best(rows, "loss")["epoch"] == 1
    assert choose_best(rows, "accuracy")["epoch"] == 2


def test_no_two_columns_are_called_alike():
    titles = [title for title in _HEADING.split("  ") if title.strip()]
    assert len(titles) == len(set(titles))
    assert _HEADING.count(" accuracy") == 0


def test_the_bar_counts_epochs_as_the_table_does():
    class Trainer:
        max_epochs = 6

    bar = EpochBar()
    bar._trainer = Trainer()
    assert bar._get_train_description(4) == "Epoch 5/6"
