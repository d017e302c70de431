"""A training learns, repeats, survives being killed, and says in a sentence what stopped it."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="mien[train] is not installed")

import torch
from lightning.pytorch import Trainer
from safetensors import safe_open

from drawn_faces import drawn_dataset
from mien.data.datasets import Dataset, Split
from mien.emotions import EMOTIONS
from mien.errors import ConfigError, DataError, ModelError, OutputError, TrainingError
from mien.evaluation.predictor import load_predictor
from mien.model.recognizer import ASSETS, Recognizer
from mien.training.checkpoint import (
    SafetensorsIO,
    begin_with,
    load_model,
    load_teachers,
    read_description,
)
from mien.training.config import Stage
from mien.training.fit import LAST, fit
from mien.training.model import CnnLstm
from mien.training.module import TrainingModule, to_unit
from mien.training.provenance import find_commit
from mien.training.recipes import config_from_dict, read_config

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]

RECIPE = "smoke"
SMOKE = read_config(RECIPE)
SHORT = replace(SMOKE, stages=(Stage(40, 2), Stage(48, 2)))


def weights_of(path):
    return SafetensorsIO().load_checkpoint(path)["state_dict"]


def same_weights(one, other):
    one, other = weights_of(one), weights_of(other)
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """A finished smoke run: folder, dataset and result."""
    torch.set_num_threads(1)
    folder, dataset = tmp_path_factory.mktemp("run"), drawn_dataset()
    return folder, dataset, fit(SMOKE, dataset, folder)


def test_it_learns_a_few_faces_by_heart(smoke):
    _, dataset, result = smoke
    train = dataset.splits["train"]
    predicted = load_predictor(str(result.last)).predict_logits(train.images).argmax(axis=1)
    assert (predicted == train.labels).all()
    assert result.validation_accuracy > 0.6  # faces it has not seen; chance is 0.14


def test_it_leaves_everything_people_look_for(smoke):
    folder, _, _ = smoke
    with (folder / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == list(range(1, SMOKE.epochs + 1))
    assert [int(row["size"]) for row in rows] == [40] * 6 + [48] * 64
    assert float(rows[-1]["train_loss"]) < float(rows[0]["train_loss"])
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    drawn, written = ((folder / name).stat() for name in ("curves.png", "history.csv"))
    assert drawn.st_mtime_ns >= written.st_mtime_ns  # as the run ended
    assert list((folder / "tensorboard" / "smoke").glob("events.out.*"))
    assert read_config(folder / "config.toml") == SMOKE


def test_it_says_what_it_is_about_to_train(tmp_path):
    told = []
    recipe = replace(SHORT, precision="auto", stages=(Stage(48, 1),))
    result = fit(recipe, drawn_dataset(), tmp_path, on_start=lambda *what: told.append(what))
    ((config, net),) = told
    assert config.precision in {"float32", "bfloat16"}
    assert config.to_dict() == read_description(result.last)["config"]
    assert net.state_dict().keys() == load_model(result.last)[0].state_dict().keys()


def test_a_checkpoint_describes_itself(smoke):
    _, dataset, result = smoke
    description = read_description(result.best)
    assert description["config"] == SMOKE.to_dict()
    assert description["class_names"] == list(dataset.class_names)
    assert set(description["versions"]) == {"mien", "torch", "lightning", "kornia"}
    assert description["validation"]["validation_accuracy"] == result.validation_accuracy
    net, _ = load_model(result.best)
    assert not net.training
    with safe_open(result.best, framework="pt") as file:
        json.loads(file.metadata()["state"])


def test_a_run_names_the_commit_of_its_source_and_of_nothing_else(tmp_path):
    def git(*arguments):
        identity = ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.org"]
        command = ["git", *identity, "-C", str(tmp_path), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    package, installed = tmp_path / "src" / "mien", tmp_path / ".venv" / "mien"
    for folder in (package, installed):
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
    assert find_commit(package) is None
    git("init")
    git("add", "src")
    git("commit", "-m", "A source")
    commit = git("rev-parse", "HEAD")
    named = find_commit(package)
    assert named
    assert commit.startswith(named)
    (tmp_path / "results.json").write_text("{}")
    git("add", "results.json")
    assert find_commit(package) == named
    (package / "__init__.py").write_text("CHANGED = True\n")
    assert find_commit(package) == named + "-dirty"
    assert find_commit(installed) is None


def test_of_epochs_of_equal_accuracy_the_one_with_the_least_loss_is_kept(smoke):
    folder, _, result = smoke
    with (folder / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    highest = max(float(row["validation_accuracy"]) for row in rows)
    equals = [row for row in rows if float(row["validation_accuracy"]) == highest]
    least = min(equals, key=lambda row: float(row["validation_loss"]))
    assert len(equals) > 1
    assert least is not equals[0]
    assert read_description(result.best)["epoch"] == int(least["epoch"])


def test_the_same_seed_gives_the_same_weights_and_another_gives_others(tmp_path):
    dataset = drawn_dataset()
    one, two = (fit(SHORT, dataset, tmp_path / name) for name in ("one", "two"))
    other = fit(replace(SHORT, seed=2), dataset, tmp_path / "other")
    assert same_weights(one.last, two.last)
    assert not same_weights(one.last, other.last)


KILLED_RUN = """
import sys; sys.path.insert(0, {tests!r})
import torch; torch.set_num_threads(1)
from drawn_faces import drawn_dataset
from pathlib import Path
from mien.training.recipes import read_config
from mien.training.fit import fit
fit(read_config({recipe!r}), drawn_dataset(), Path({folder!r}), resume=True)
"""


def test_killed_and_resumed_it_ends_with_the_very_same_weights(smoke, tmp_path):
    unbroken, dataset, _ = smoke
    tests = str(Path(__file__).parents[1])
    code = KILLED_RUN.format(tests=tests, recipe=str(RECIPE), folder=str(tmp_path))
    history = tmp_path / "history.csv"
    with (tmp_path / "log").open("w") as log:
        run = subprocess.Popen([sys.executable, "-c", code], stdout=log, stderr=log)
        while not history.exists() or len(history.read_text().splitlines()) < 4:
            assert run.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.01)
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
    resumed = fit(SMOKE, dataset, tmp_path, resume=True)
    assert same_weights(resumed.last, unbroken / "last.safetensors")
    assert same_weights(resumed.best, unbroken / "best.safetensors")
    drop_seconds = [
        [line.rsplit(",", 2)[0] for line in (folder / "history.csv").read_text().splitlines()]
        for folder in (unbroken, tmp_path)
    ]
    assert drop_seconds[0] == drop_seconds[1]


def test_a_finished_run_is_not_begun_again(smoke):
    folder, dataset, result = smoke
    before = result.last.read_bytes()
    again = fit(SMOKE, dataset, folder, resume=True)
    assert again == result
    assert result.last.read_bytes() == before


def test_a_run_begun_before_a_setting_existed_goes_on(smoke, monkeypatch):
    folder, dataset, _ = smoke

    def read_older(path):
        description = read_description(path)
        del description["config"]["augment"]["noise"], description["config"]["cutmix"]
        return description

    monkeypatch.setattr("mien.training.provenance.read_description", read_older)
    assert fit(SMOKE, dataset, folder, resume=True).last == folder / "last.safetensors"


def test_copies_and_blank_faces_can_be_left_out(tmp_path):
    clean = drawn_dataset()
    train, held_out = clean.splits["train"], clean.splits["validation"]
    blank = np.zeros_like(train.images[:1])
    images = np.concatenate([train.images, train.images[3:5], held_out.images[:2], blank])
    labels = np.concatenate([train.labels, np.zeros(5, dtype=np.int64)])
    paths = (*train.paths, *(f"train/again/{number}.png" for number in range(5)))
    spoilt = replace(clean, splits={**clean.splits, "train": Split("train", images, labels, paths)})
    short = replace(SMOKE, stages=(Stage(48, 2),))
    expected = fit(short, clean, tmp_path / "clean")
    spared = fit(replace(short, without_copies=True), spoilt, tmp_path / "spared")
    assert same_weights(expected.last, spared.last)


def test_another_run_is_never_overwritten_nor_mixed_up(smoke):
    folder, dataset, _ = smoke
    with pytest.raises(ConfigError, match="already contains a run: continue it with --resume"):
        fit(SMOKE, dataset, folder)
    with pytest.raises(ConfigError, match="started with seed = 1, but this recipe has 9"):
        fit(replace(SMOKE, seed=9), dataset, folder, resume=True)
    with pytest.raises(ConfigError, match="other training data"):
        fit(SMOKE, drawn_dataset(per_class=5), folder, resume=True)


def test_two_runs_never_share_a_folder(tmp_path):
    from filelock import FileLock

    with FileLock(tmp_path / ".lock"), pytest.raises(ConfigError, match="another training"):
        fit(SHORT, drawn_dataset(), tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    for output in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(OutputError, match=r"file.* cannot be written .*another folder"):
            fit(SHORT, drawn_dataset(), output)


def test_a_resumed_run_says_what_it_was_begun_with(tmp_path, monkeypatch):
    def stop_in_the_third_epoch(module, batch, index):
        if module.current_epoch == 2:
            raise KeyboardInterrupt
        return step(module, batch, index)

    step = TrainingModule.training_step
    monkeypatch.setattr("mien.training.provenance._own_commit", lambda: "before")
    monkeypatch.setattr(TrainingModule, "training_step", stop_in_the_third_epoch)
    with pytest.raises(KeyboardInterrupt):
        fit(SHORT, drawn_dataset(), tmp_path)
    monkeypatch.setattr(TrainingModule, "training_step", step)
    monkeypatch.setattr("mien.training.provenance._own_commit", lambda: "after")
    description = read_description(fit(SHORT, drawn_dataset(), tmp_path, resume=True).last)
    assert (description["commit"], description["begun"]["commit"]) == ("after", "before")


def test_a_loss_that_is_no_number_keeps_the_last_good_checkpoint(tmp_path):
    wild = replace(SHORT, learning_rate=1e30, gradient_clip=0.0)
    with pytest.raises(TrainingError, match=r"the loss became nan .* lower learning_rate"):
        fit(wild, drawn_dataset(), tmp_path)


def test_a_checkpoint_that_cannot_be_written_keeps_the_last_good_checkpoint(tmp_path):
    path = tmp_path / "last.safetensors"
    io = SafetensorsIO()
    io.save_checkpoint({"weights": torch.ones(3)}, path)
    before = path.read_bytes()
    blocked = tmp_path / "file"
    blocked.write_text("a file where a folder should be")
    with pytest.raises(TrainingError, match=r"cannot be written .* --resume"):
        io.save_checkpoint({"weights": torch.zeros(3)}, blocked / "last.safetensors")
    assert path.read_bytes() == before


def test_early_stopping_stops_early(tmp_path):
    config = replace(SMOKE, stages=(Stage(48, 30),), early_stopping=1, learning_rate=1e-9)
    first = fit(config, drawn_dataset(), tmp_path)
    history, weights = (tmp_path / "history.csv").read_text(), first.last.read_bytes()
    assert len(history.splitlines()) < 10
    fit(config, drawn_dataset(), tmp_path, resume=True)
    assert (tmp_path / "history.csv").read_text() == history
    assert first.last.read_bytes() == weights


def test_the_baseline_trains_too(tmp_path):
    model = replace(SMOKE.model, head="dense")
    result = fit(replace(SMOKE, model=model, stages=(Stage(48, 2),)), drawn_dataset(), tmp_path)
    assert load_predictor(str(result.best)).predict_logits(
        drawn_dataset().splits["test"].images
    ).shape == (14, 7)


def test_it_can_begin_with_the_weights_of_another_run(smoke, tmp_path):
    """A rate of next to nothing leaves them as they were: it began where the other ended."""
    folder, dataset, _ = smoke
    config = replace(SMOKE, stages=(Stage(48, 1),), learning_rate=1e-12, start=str(folder / LAST))
    found = weights_of(fit(config, dataset, tmp_path / "same").last)
    begun = weights_of(folder / LAST)
    for name in ("net.trunk.0.convolutions.0.weight", "net.classifier.weight"):
        assert torch.allclose(found[name], begun[name], atol=1e-6)
    two = Dataset("two", ("a", "b"), dict(dataset.splits), ())
    for name in ("train", "validation"):
        split = dataset.splits[name]
        two.splits[name] = replace(split, labels=split.labels % 2)
    other = weights_of(fit(config, two, tmp_path / "other").last)
    name = "net.trunk.0.convolutions.0.weight"
    assert torch.allclose(other[name], begun[name], atol=1e-6)
    assert other["net.classifier.weight"].shape[0] == 2
    wider = replace(config, model=replace(config.model, units=48))
    with pytest.raises(ConfigError, match=r"model\.units = 32, but this recipe has 48"):
        fit(wider, dataset, tmp_path / "wider")
    with pytest.raises(ConfigError, match="no checkpoint acurate; expected accurate or fast"):
        fit(replace(config, start="acurate"), dataset, tmp_path / "none")


@pytest.mark.parametrize(("name", "largest"), [("accurate", 0.01), ("fast", 0.6)])
def test_the_models_that_ship_can_be_trained_further(tmp_path, name, largest):
    """Their weights give the answers of what ships, before it was scaled; `fast` has 8 bits."""
    path, dataset = ASSETS / f"{name}.safetensors", drawn_dataset()
    net, description = load_model(path)
    faces = dataset.splits["test"].images
    recognizer = Recognizer(name)
    scaling = recognizer.spec.training.get("logit_scaling") or {"scale": 1.0, "bias": 0.0}
    scaled = net.predict_logits(faces) * scaling["scale"] + scaling["bias"]
    difference = scaled - recognizer.predict_logits(faces)
    assert np.abs(difference).max() <= largest
    model = config_from_dict(description["config"]).model
    config = replace(SMOKE, stages=(Stage(48, 1),), learning_rate=1e-12, model=model)
    found = weights_of(fit(replace(config, start=name), dataset, tmp_path).last)
    assert torch.allclose(found["net.classifier.weight"], net.classifier.weight, atol=1e-6)


def test_what_it_begins_with_can_learn_more_slowly_than_the_last_layer(smoke, tmp_path):
    folder, dataset, _ = smoke
    config = replace(SMOKE, stages=(Stage(48, 1),), start=str(folder / LAST), start_rate=1e-9)
    begun, found = weights_of(folder / LAST), weights_of(fit(config, dataset, tmp_path).last)
    trunk, last = "net.trunk.0.convolutions.0.weight", "net.classifier.weight"
    assert torch.allclose(found[trunk], begun[trunk], atol=1e-6)
    assert not torch.allclose(found[last], begun[last], atol=1e-4)
    with pytest.raises(ConfigError, match=r"start_rate must be from 0 to 1, got -0.1"):
        replace(config, start_rate=-0.1)
    with pytest.raises(ConfigError, match=r"set both, or neither"):
        replace(SMOKE, start_rate=0.1)


def test_the_last_layer_can_learn_alone(smoke, tmp_path):
    """At a rate of 0 the rest stays as it is to the bit, its normalisation included."""
    folder, dataset, _ = smoke
    config = replace(SMOKE, stages=(Stage(48, 2),), start=str(folder / LAST), start_rate=0.0)
    begun, found = weights_of(folder / LAST), weights_of(fit(config, dataset, tmp_path).last)
    changed = {key for key in begun if not torch.equal(begun[key], found[key])}
    names = {key.removeprefix("current_model.") for key in changed if key.startswith("net.")}
    assert names == {"net.classifier.weight", "net.classifier.bias"}


def relabelled(dataset, names, move):
    """The same faces, their labels moved, under names in an order of one's own."""
    splits = {
        name: replace(split, labels=(split.labels + move) % len(names))
        for name, split in dataset.splits.items()
    }
    return Dataset("moved", names, splits, ())


def test_a_network_that_teaches_is_asked_and_its_classes_are_found_by_name(smoke, tmp_path):
    """Every label is wrong, and nothing is learnt but what the teachers say."""
    folder, dataset, _ = smoke
    names = dataset.class_names[3:] + dataset.class_names[:3]
    moved = relabelled(dataset, names, 1)
    teachers = (str(folder / LAST), str(folder / "best.safetensors"))
    config = replace(SMOKE, teachers=teachers, distillation=1.0)
    result = fit(config, moved, tmp_path / "run")
    faces, truth = dataset.splits["train"].images, dataset.splits["train"].labels
    answers = load_predictor(str(result.last)).predict_logits(faces).argmax(axis=1)
    assert [names[answer] for answer in answers] == [dataset.class_names[t] for t in truth]
    assert len(weights_of(result.last)) == len(weights_of(folder / LAST))  # no teacher among them
    with pytest.raises(ConfigError, match=r"knows angry.* but the data has a, b"):
        fit(config, relabelled(dataset, ("a", "b"), 0), tmp_path / "other")
    with pytest.raises(ConfigError, match="no checkpoint acurate; expected accurate or fast"):
        fit(replace(config, teachers=("acurate",)), dataset, tmp_path / "none")


def kill_after_two_epochs(config, folder):
    """Start a run in another process, which dies at the start of its third epoch."""
    tests, recipe = str(Path(__file__).parents[1]), folder.parent / "recipe.toml"
    recipe.write_text(config.to_toml(), encoding="utf-8")
    code = KILLED_RUN.format(tests=tests, recipe=str(recipe), folder=str(folder))
    stop = "import os; from mien.training.module import TrainingModule as M\n"
    stop += "M.on_train_epoch_start = lambda self, f=M.on_train_epoch_start: "
    stop += "os._exit(9) if self.current_epoch == 2 else f(self)\n"
    run = subprocess.run([sys.executable, "-c", stop + code], capture_output=True, check=False)
    assert run.returncode == 9, run.stderr


def test_networks_that_teach_take_turns_also_where_a_run_is_resumed(smoke, tmp_path):
    """Killed after its second epoch, it goes on as it would have; by other teachers it does not."""
    folder, dataset, _ = smoke
    teachers = (str(folder / LAST), "fast", "accurate")
    config = replace(SHORT, teachers=teachers, distillation=0.7)
    whole = fit(config, dataset, tmp_path / "whole")
    kill_after_two_epochs(config, tmp_path / "killed")
    assert same_weights(fit(config, dataset, tmp_path / "killed", resume=True).last, whole.last)
    one = fit(replace(config, teachers=("fast",)), dataset, tmp_path / "one")
    assert not same_weights(one.last, whole.last)


def write_votes(dataset, path):
    """Votes that call each drawn face by the class after its own; one face has none."""
    names = dataset.class_names
    lines = ["path," + ",".join(names)]
    for split in dataset.splits.values():
        for face, label in zip(split.paths, split.labels, strict=True):
            chosen = (label + 1) % len(names)
            lines.append(",".join([face, *(str(9 * (k == chosen)) for k in range(len(names)))]))
    path.write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def voted(smoke, tmp_path_factory):
    """A run that learnt votes and labels which never agree, from the weights of the smoke run."""
    _, dataset, result = smoke
    output = tmp_path_factory.mktemp("voted")
    votes = write_votes(dataset, output / "votes.csv")
    config = replace(SMOKE, start=str(result.best), votes=votes, label_weight=0.5)
    return config, fit(config, dataset, output / "run")


def test_one_trunk_answers_with_votes_and_with_labels(smoke, voted):
    _, dataset, _ = smoke
    _, result = voted
    net, description = load_model(result.best)
    train = dataset.splits["train"]
    with torch.inference_mode():
        answers = net.answer(to_unit(torch.from_numpy(train.images)))
    votes, labels = (answer.argmax(dim=1).numpy() for answer in answers)
    assert (labels == train.labels).mean() > 0.9
    assert (votes == (train.labels + 1) % 7).mean() > 0.9
    assert result.validation_accuracy > 0.9, "the accuracy is by the votes"
    assert description["validation"]["validation_label_accuracy"] > 0.9


def test_a_killed_run_with_votes_goes_on_to_the_very_same_weights(smoke, voted, tmp_path):
    _, dataset, _ = smoke
    config = replace(voted[0], stages=SHORT.stages)
    whole = fit(config, dataset, tmp_path / "whole")
    kill_after_two_epochs(config, tmp_path / "killed")
    assert same_weights(fit(config, dataset, tmp_path / "killed", resume=True).last, whole.last)


def test_a_teacher_of_labels_teaches_the_label_alone_and_one_of_votes_both(smoke, voted, tmp_path):
    _, dataset, result = smoke
    config = replace(voted[0], distillation=1.0, start="", teachers=(str(result.best),))
    module = TrainingModule(config, 7, {}, teachers=load_teachers(config.teachers, EMOTIONS))
    faces = to_unit(torch.from_numpy(dataset.splits["train"].images))
    nothing = torch.zeros(len(faces), 2, 7)
    module.trainer = Trainer(logger=False, enable_checkpointing=False)
    with torch.inference_mode():
        label_alone = module._teach(faces, nothing)
    assert not label_alone[:, 0].any()
    assert torch.allclose(label_alone[:, 1].sum(dim=1), torch.ones(len(faces)))

    teachers = load_teachers((str(voted[1].best),), EMOTIONS)
    both = TrainingModule(config, 7, {}, teachers=teachers)
    both.trainer = module.trainer
    with torch.inference_mode():
        taught = both._teach(faces, nothing)
    assert torch.allclose(taught.sum(dim=2), torch.ones(len(faces), 2))


def test_a_teacher_of_votes_without_a_layer_for_the_label_teaches_the_votes(smoke, voted):
    """As `fast` does: its one output layer predicts votes."""
    _, dataset, _ = smoke
    config = replace(voted[0], distillation=1.0, start="", teachers=("fast",))
    module = TrainingModule(config, 7, {}, teachers=load_teachers(config.teachers, EMOTIONS))
    module.trainer = Trainer(logger=False, enable_checkpointing=False)

    images = dataset.splits["train"].images
    with torch.inference_mode():
        taught = module._teach(to_unit(torch.from_numpy(images)), torch.zeros(len(images), 2, 7))
    expected = Recognizer("fast").predict_probabilities(images)
    assert np.abs(taught[:, 0].numpy() - expected).max() < 0.2  # not calibrated, and not int8
    assert not taught[:, 1].any()


def test_a_start_without_a_layer_for_the_label_begins_both_with_its_own(smoke, voted):
    _, _, result = smoke
    config, _ = voted
    net = CnnLstm(config.model, 7, label_layer=True)
    begin_with(net, str(result.best), config.model, EMOTIONS)
    assert net.label_classifier is not None
    assert torch.equal(net.classifier.weight, net.label_classifier.weight)
    begin_with(net, str(voted[1].best), config.model, EMOTIONS)
    assert not torch.equal(net.classifier.weight, net.label_classifier.weight)
    alone = CnnLstm(config.model, 7)
    begin_with(alone, str(voted[1].best), config.model, EMOTIONS)
    assert torch.equal(alone.classifier.weight, net.classifier.weight)


def test_data_without_a_validation_split_is_refused(tmp_path):
    whole = drawn_dataset()
    dataset = Dataset("d", whole.class_names, {"train": whole.splits["train"]}, ())
    with pytest.raises(DataError, match="no validation split"):
        fit(SHORT, dataset, tmp_path)


@pytest.mark.parametrize("content", [b"", b"not safetensors", b"\x80\x04K\x01."])
def test_what_is_no_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="damaged or not a checkpoint"):
        load_model(path)
    with pytest.raises(ModelError, match="there is no checkpoint"):
        load_model(tmp_path / "none.safetensors")


def test_a_state_survives_its_file(tmp_path):
    state = {
        "a": [1, 2.5, None, True, "x"],
        "b": {"c": (torch.arange(3), {0: torch.tensor(1.5), 1: "y"})},
        "big/name's": {"k": torch.zeros(0)},
    }
    io, path = SafetensorsIO(), tmp_path / "s.safetensors"
    io.save_checkpoint(state, path)
    read = io.load_checkpoint(path)
    assert torch.equal(read["b"]["c"][0], torch.arange(3))
    assert read["b"]["c"][1][0] == 1.5
    assert read["b"]["c"][1][1] == "y"
    assert read["a"] == state["a"]
    with pytest.raises(TrainingError, match="cannot contain"):
        io.save_checkpoint({"x": object()}, path)


def test_a_missing_train_split_says_why(tmp_path):
    whole = drawn_dataset(validation=3)
    held_out = whole.splits["validation"]
    names = tuple(f"happy/PublicTest_{number}.jpg" for number in range(len(held_out.paths)))
    data = Dataset("faces/", EMOTIONS, {"validation": replace(held_out, paths=names)}, ())
    with pytest.raises(DataError, match=r"no train split.* are named PublicTest_.*rename them"):
        fit(SMOKE, data, tmp_path / "run")
    data = replace(data, splits={"validation": held_out})
    with pytest.raises(DataError, match="add train/<class>/"):
        fit(SMOKE, data, tmp_path / "run")
    assert not (tmp_path / "run").exists()
