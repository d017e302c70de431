"""Tests of what an evaluation says of a model, and of the folder it writes."""

import base64
import csv
import dataclasses
import io
import json
import re
import shutil
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="mien[train] is not installed")

import torch
from PIL import Image
from rich.console import Console

from drawn_faces import drawn_dataset
from mien.cli import main
from mien.cli.reports import print_evaluation
from mien.data.datasets import Dataset, Split, title_of
from mien.data.predictions import read_predictions
from mien.emotions import EMOTIONS
from mien.errors import DataError, InputError, ModelError, OutputError
from mien.evaluation.evaluate import evaluate, find_train_copies
from mien.evaluation.files import check_output, write_evaluation
from mien.evaluation.metrics import compute_figures, softmax
from mien.evaluation.page import render_page
from mien.evaluation.predictor import load_predictor, load_vote
from mien.evaluation.result import Evaluation, Provenance
from mien.files import write_whole
from mien.model.recognizer import ASSETS
from mien.training.checkpoint import SafetensorsIO
from mien.training.config import TrainConfig
from mien.training.model import CnnLstm
from tiny_model import expected_logits


class NearestMean:
    """An honest small model: the nearer a face is to the mean face of a class, the likelier."""

    def __init__(
        self,
        train: Split,
        *,
        temperature: float | None = None,
        class_names: Sequence[str] = EMOTIONS,
        scale: float = 1.0,
    ) -> None:
        self.class_names = tuple(class_names)
        self.labels = "own"
        self.temperature = temperature
        self.abstention_threshold = None
        self.scale = scale
        self.means = np.stack(
            [
                train.images[train.labels == EMOTIONS.index(name)].mean(axis=0).ravel()
                for name in self.class_names
            ]
        )

    def predict_logits(self, faces: np.ndarray) -> np.ndarray:
        vectors = faces.reshape(len(faces), 1, -1).astype(np.float64)
        distances = ((vectors - self.means) ** 2).mean(axis=2)
        return (-distances / 40 * self.scale).astype(np.float32)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    """Drawn faces; the first three of test are copies of faces in train."""
    drawn = drawn_dataset(per_class=6, validation=8)
    test = drawn.splits["test"]
    images = test.images.copy()
    images[:3] = drawn.splits["train"].images[:3]
    splits = {**drawn.splits, "test": dataclasses.replace(test, images=images)}
    return dataclasses.replace(drawn, splits=splits)


@pytest.fixture(scope="module")
def model(dataset: Dataset) -> NearestMean:
    return NearestMean(dataset.splits["train"])


@pytest.fixture(scope="module")
def evaluation(dataset: Dataset, model: NearestMean) -> Evaluation:
    return run(dataset, model)


def run(dataset: Dataset, model: NearestMean, split: str = "test") -> Evaluation:
    faces = dataset.splits[split]
    return evaluate(
        model,
        faces,
        class_names=dataset.class_names,
        train_copies=find_train_copies(faces, dataset.splits["train"]),
        validation=dataset.splits["validation"],
    )


def test_every_view_names_its_split_and_counts_its_faces(evaluation: Evaluation) -> None:
    counts = {view.what: view.figures.faces for view in evaluation.views.values()}
    assert counts == {
        "test, single view": 56,
        "test, with horizontal flip": 56,
        "test without train copies, single view": 53,
        "test without train copies, with horizontal flip": 53,
    }


def test_figures_are_those_of_the_probabilities(
    dataset: Dataset, model: NearestMean, evaluation: Evaluation
) -> None:
    test = dataset.splits["test"]
    temperature = evaluation.calibration.temperature
    single = softmax(model.predict_logits(test.images), temperature)
    mirrored = softmax(model.predict_logits(test.images[:, :, ::-1]), temperature)
    flip = (single + mirrored) / 2
    views = {key: view.figures for key, view in evaluation.views.items()}
    assert views["single"] == compute_figures(test.labels, single, EMOTIONS)
    assert views["flip"] == compute_figures(test.labels, flip, EMOTIONS)
    assert views["flip_without_train_copies"] == compute_figures(
        test.labels[3:], flip[3:], EMOTIONS
    )
    assert views["single"].accuracy > 0.25  # chance is 0.14


def test_temperature_is_fitted_on_validation_alone(dataset: Dataset, model: NearestMean) -> None:
    test = dataset.splits["test"]
    relabelled = dataclasses.replace(test, labels=test.labels[::-1].copy())
    other = dataclasses.replace(dataset, splits={**dataset.splits, "test": relabelled})
    honest, changed = run(dataset, model).calibration, run(other, model).calibration
    assert honest.temperature == changed.temperature != 1
    assert honest.origin == "fitted on validation"


def test_a_stored_temperature_is_used_and_validation_is_never_fitted_on_itself(
    dataset: Dataset,
) -> None:
    train = dataset.splits["train"]
    stored = run(dataset, NearestMean(train, temperature=2.5)).calibration
    assert (stored.temperature, stored.origin) == (2.5, "stored in the model")
    itself = run(dataset, NearestMean(train), split="validation").calibration
    assert (itself.temperature, itself.origin) == (1.0, "not fitted")
    assert itself.ece_before == itself.ece_after


def test_classes_go_by_name_whatever_their_order(dataset: Dataset, evaluation: Evaluation) -> None:
    turned = run(dataset, NearestMean(dataset.splits["train"], class_names=EMOTIONS[::-1]))
    ours, theirs = evaluation.views["single"].figures, turned.views["single"].figures
    assert list(theirs.per_class) == list(EMOTIONS[::-1])
    assert theirs.accuracy == ours.accuracy
    for name in EMOTIONS:
        assert theirs.per_class[name].recall == pytest.approx(ours.per_class[name].recall)


def test_data_may_lack_a_class_but_not_have_one_the_model_does_not_know(
    dataset: Dataset, model: NearestMean
) -> None:
    test = dataset.splits["test"]
    few = Split("test", test.images[:16], test.labels[:16], test.paths[:16])  # angry and disgust
    figures = evaluate(model, few, class_names=EMOTIONS[:2]).views["single"].figures
    assert figures.per_class["happy"].faces == 0
    assert figures.faces == 16
    with pytest.raises(ModelError, match="the data has bored, but the model only knows"):
        evaluate(model, few, class_names=("angry", "bored"))


def test_what_cannot_be_evaluated_is_said(dataset: Dataset, model: NearestMean) -> None:
    test = dataset.splits["test"]
    empty = Split("test", test.images[:0], test.labels[:0], ())
    with pytest.raises(DataError, match="the split test has no faces"):
        evaluate(model, empty, class_names=EMOTIONS)
    with pytest.raises(InputError, match="one entry for each of the 56 faces"):
        evaluate(model, test, class_names=EMOTIONS, train_copies=np.zeros(3, dtype=bool))
    broken = NearestMean(dataset.splits["train"], scale=np.nan)
    with pytest.raises(ModelError, match="finite logits"):
        evaluate(broken, test, class_names=EMOTIONS)


@pytest.mark.parametrize(
    ("paths", "title"),
    [
        (("test/happy/PrivateTest_1.jpg", "test/sad/PrivateTest_2.jpg"), "PrivateTest"),
        (("fer2013.csv/PublicTest/000007",), "PublicTest"),
        (("train/happy/Training_1.jpg",), "Training"),
        (("test/happy/PrivateTest_1.jpg", "test/happy/mine.jpg"), "test"),
        (("TrainingSet/test/happy/1.jpg", "TrainingSet/test/sad/2.jpg"), "test"),
        (("PublicTest/happy/1.jpg", "PublicTest/000007/2.jpg"), "test"),
    ],
)
def test_splits_of_fer2013_go_by_their_own_names(paths: tuple[str, ...], title: str) -> None:
    split = Split("test", np.zeros((len(paths), 48, 48), np.uint8), np.zeros(1, np.int64), paths)
    assert title_of(split) == title


def test_copies_are_looked_for_in_train_only(dataset: Dataset) -> None:
    train, test = dataset.splits["train"], dataset.splits["test"]
    copies = find_train_copies(test, train)
    assert copies is not None
    assert copies.nonzero()[0].tolist() == [0, 1, 2]
    assert find_train_copies(train, train) is None
    assert find_train_copies(test, None) is None


# --- the folder ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(dataset: Dataset, model: NearestMean, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An evaluation's folder; one face has a name that would break a careless page."""
    test = dataset.splits["test"]
    paths = ('<script>"a, b".png', *test.paths[1:])
    wrong = np.where(np.arange(56) % 2, test.labels, (test.labels + 1) % 7)
    split = Split("test", test.images, wrong, paths)
    other = dataclasses.replace(dataset, splits={**dataset.splits, "test": split})
    output = tmp_path_factory.mktemp("evaluation") / "new folder"
    provenance = Provenance(
        model={"name": "nearest <mean>", "path": "m", "format": "fake", "sha256": "ab"},
        source="drawn faces",
        source_sha256=None,
        command="mien evaluate m --data 'drawn faces'",
        created="2026-01-02T03:04:05+00:00",
        versions={"python": "3"},
    )
    write_evaluation(run(other, model), test.images, output, provenance=provenance)
    return output


@pytest.mark.slow
def test_the_folder_holds_everything(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {
        "evaluation.json",
        "evaluation.html",
        "confusion.csv",
        "predictions.csv",
        "confusion.png",
        "reliability.png",
        "risk_coverage.png",
    }
    for path in folder.glob("*.png"):
        with Image.open(path) as picture:
            assert min(picture.size) > 500
            assert np.asarray(picture.convert("L")).std() > 10


@pytest.mark.slow
def test_anyone_can_recompute_the_figures_from_the_tables(folder: Path) -> None:
    told = json.loads((folder / "evaluation.json").read_text())
    single = told["views"]["single"]
    table = read_predictions(folder / "predictions.csv")
    figures = compute_figures(table.labels, table.probabilities, table.class_names)
    assert figures.accuracy == single["accuracy"]
    assert figures.nll == pytest.approx(single["nll"], abs=1e-7)
    assert table.copies is not None
    assert table.copies.sum() == told["data"]["copies_in_train"] == 3
    rows = list(csv.reader((folder / "confusion.csv").read_text(encoding="utf-8").splitlines()))
    assert rows[0][1:] == list(EMOTIONS)
    assert [list(map(int, row[1:])) for row in rows[1:]] == single["confusion"]


def test_the_json_names_model_data_and_split(folder: Path) -> None:
    told = json.loads((folder / "evaluation.json").read_text())
    assert told["schema"] == 1
    assert told["model"]["sha256"] == "ab"
    assert told["data"]["split"] == "test"
    assert re.fullmatch("[0-9a-f]{64}", told["data"]["split_sha256"])
    assert told["command"].startswith("mien evaluate")
    assert told["views"]["single"]["what"] == "test, single view"
    assert told["abstention"]["points"][0]["coverage"] == 1


class Page(HTMLParser):
    """Everything in a page that could ask for something, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: set[str] = set()
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        asking = {"src", "srcset", "href", "data", "poster", "action"}
        self.addresses += [value or "" for key, value in attrs if key in asking]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_page_stands_alone_and_shows_what_went_wrong(folder: Path) -> None:
    text = (folder / "evaluation.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.tags.isdisjoint({"script", "link", "iframe", "object"})
    assert page.addresses
    assert all(address.startswith("data:image/") for address in page.addresses)
    assert "url(" not in text
    assert "@import" not in text
    thumbnails = [each for each in page.addresses if each.startswith("data:image/png")]
    assert len(thumbnails) == 24
    assert base64.b64decode(thumbnails[0].split(",")[1]).startswith(b"\x89PNG")
    words = " ".join(page.words)
    for expected in ("nearest <mean> on test", "apparent", "3 of them with an exact duplicate"):
        assert expected in words


@pytest.mark.slow
def test_a_model_without_mistakes_gets_a_page_too(
    dataset: Dataset, model: NearestMean, evaluation: Evaluation
) -> None:
    test = dataset.splits["test"]
    right = np.flatnonzero(evaluation.predictions.predicted == test.labels)[:4]
    paths = tuple(test.paths[i] for i in right)
    faces = Split("test", test.images[right], test.labels[right], paths)
    perfect = evaluate(model, faces, class_names=EMOTIONS)
    assert perfect.views["single"].figures.accuracy == 1
    assert "every prediction equals the label" in render_page(perfect, faces.images)


def test_a_folder_that_holds_something_else_is_refused(folder: Path, tmp_path: Path) -> None:
    check_output(tmp_path / "new", model_sha256="ab", split="test")
    check_output(tmp_path, model_sha256="ab", split="test")
    check_output(folder, model_sha256="ab", split="test")
    with pytest.raises(OutputError, match="another model, split or data"):
        check_output(folder, model_sha256="cd", split="test")
    with pytest.raises(OutputError, match="another model, split or data"):
        check_output(folder, model_sha256="ab", split="validation")
    digest = json.loads((folder / "evaluation.json").read_text())["data"]["split_sha256"]
    check_output(folder, model_sha256="ab", split="test", split_sha256=digest)
    with pytest.raises(OutputError, match="another model, split or data"):
        check_output(folder, model_sha256="ab", split="test", split_sha256="ef")
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match="contains other files"):
        check_output(tmp_path, model_sha256="ab", split="test")
    with pytest.raises(OutputError, match="is a file"):
        check_output(tmp_path / "thesis.txt", model_sha256="ab", split="test")


def test_what_an_interrupted_evaluation_left_is_gone_on_with(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        if path.name != "evaluation.json":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    check_output(tmp_path, model_sha256="cd", split="test", split_sha256="ef")


@pytest.mark.slow
def test_names_are_neither_mathematics_nor_markup(dataset: Dataset, tmp_path: Path) -> None:
    names = ("$a_$", "[sad]", *EMOTIONS[2:])
    model = NearestMean(dataset.splits["train"])
    model.class_names = names
    evaluation = evaluate(model, dataset.splits["test"], class_names=names)
    write_evaluation(evaluation, dataset.splits["test"].images, tmp_path)
    assert (tmp_path / "confusion.png").stat().st_size
    console = Console(file=io.StringIO(), width=200, highlight=False)
    print_evaluation(evaluation, "nearest mean", console)
    assert isinstance(console.file, io.StringIO)
    heading = next(line for line in console.file.getvalue().splitlines() if "labelled" in line)
    assert "$a_$" in heading
    assert "[sad]" in heading


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "inside").write_text("kept")
    with pytest.raises(OutputError, match="choose another --output"):
        write_whole(tmp_path / "taken", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a,b\n", "does not start with the columns"),
        ("path,label,predicted,copy_in_train,x,y\n", "0 rows"),
        ("path,label,predicted,copy_in_train,x,y\nf,x,x,,0.5\n", "is damaged"),
        ("path,label,predicted,copy_in_train,x,y\nf,z,x,,0.5,0.5\n", "is damaged"),
        ("path,label,predicted,copy_in_train,x,y\nf,x,x,,0.9,0.9\n", "does not sum to 1"),
        ("path,label,predicted,copy_in_train,x,y\n" + "f,x,x,,0.5,0.5\n" * 2, "twice"),
    ],
)
def test_a_damaged_table_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "predictions.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=fault):
        read_predictions(path)


# --- models from files, and the command ---------------------------------------------------------


def write_checkpoint(folder: Path, class_names: Sequence[str] = EMOTIONS) -> CnnLstm:
    """An untrained network, as a run leaves its best one behind."""
    config = TrainConfig(name="untrained")
    net = CnnLstm(config.model, len(class_names)).eval()
    weights = {f"net.{name}": tensor for name, tensor in net.state_dict().items()}
    meta = {"config": config.to_dict(), "class_names": list(class_names)}
    folder.mkdir(exist_ok=True)
    SafetensorsIO().save_checkpoint(
        {"state_dict": weights, "mien": meta}, folder / "best.safetensors"
    )
    return net


@pytest.mark.slow
def test_a_checkpoint_and_an_onnx_are_read_alike(
    dataset: Dataset, tiny_model: Path, tmp_path: Path
) -> None:
    faces = dataset.splits["test"].images
    onnx = load_predictor(str(tiny_model))
    np.testing.assert_allclose(onnx.predict_logits(faces), expected_logits(faces), atol=1e-5)
    net = write_checkpoint(tmp_path)
    checkpoint = load_predictor(str(tmp_path))
    with torch.inference_mode():
        wanted = net(torch.from_numpy(faces)[:, None].float() / 255).numpy()
    np.testing.assert_allclose(checkpoint.predict_logits(faces), wanted, atol=1e-5)
    assert (checkpoint.name, checkpoint.format, checkpoint.temperature) == (
        "untrained",
        "checkpoint",
        None,
    )
    assert (onnx.format, onnx.class_names) == ("onnx", EMOTIONS)


def test_a_contract_that_shares_the_network_of_another_one_is_a_model_too(
    dataset: Dataset, tmp_path: Path
) -> None:
    """An export with a layer for the label writes one network and two contracts."""
    for name in ("accurate.onnx", "accurate.json", "fer2013.json"):
        shutil.copy(ASSETS / name, tmp_path)
    faces = dataset.splits["test"].images

    votes, label = (load_predictor(str(tmp_path / n)) for n in ("accurate.json", "fer2013.json"))
    assert (votes.name, votes.labels) == ("accurate", "votes")
    assert (label.name, label.labels, label.sha256) == ("fer2013", "fer2013", votes.sha256)
    bundled = load_predictor("fer2013")
    np.testing.assert_array_equal(label.predict_logits(faces), bundled.predict_logits(faces))


@pytest.mark.slow
def test_models_vote_by_their_mean_probability_found_by_class_name(
    dataset: Dataset, tiny_model: Path, tmp_path: Path
) -> None:
    faces = dataset.splits["test"].images
    write_checkpoint(tmp_path / "other", EMOTIONS[::-1])
    onnx, other = load_predictor(str(tiny_model)), load_predictor(str(tmp_path / "other"))
    vote = load_vote([str(tiny_model), str(tmp_path / "other")])
    wanted = softmax(onnx.predict_logits(faces), onnx.temperature or 1.0)
    wanted = (wanted + softmax(other.predict_logits(faces))[:, ::-1]) / 2
    np.testing.assert_allclose(softmax(vote.predict_logits(faces)), wanted, atol=1e-6)
    assert (vote.format, vote.class_names, vote.temperature) == ("vote", EMOTIONS, None)
    assert [member["sha256"] for member in vote.to_dict()["training"]["members"]] == [
        onnx.sha256,
        other.sha256,
    ]
    assert load_vote([str(tiny_model)]).format == "onnx"


def test_models_of_other_classes_do_not_vote(tiny_model: Path, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "other", (*EMOTIONS[:-1], "contempt"))
    with pytest.raises(ModelError, match=r"contempt.* must have the same classes"):
        load_vote([str(tiny_model), str(tmp_path / "other")])


def test_what_is_no_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        load_predictor(str(tmp_path / "none.onnx"))
    with pytest.raises(ModelError):
        load_predictor(str(tmp_path))
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ModelError, match="is not a model"):
        load_predictor(str(tmp_path / "notes.txt"))


@pytest.fixture(scope="module")
def faces_folder(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn faces as people have theirs: folders of pictures."""
    root = tmp_path_factory.mktemp("faces")
    for split in dataset.splits.values():
        for image, path in zip(split.images, split.paths, strict=True):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(root / path)
    return root


@pytest.mark.slow
def test_the_command_prints_what_it_writes(
    faces_folder: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", str(tiny_model), "--data", str(faces_folder), "--split", "test"]
    assert main([*words, "--output", str(tmp_path / "out"), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert printed["data"]["copies_in_train"] == 3
    assert printed["model"]["name"] == "tiny"
    assert printed["command"].startswith("mien evaluate ")
    twice = [*words[:2], str(tiny_model), *words[2:], "--output", str(tmp_path / "vote"), "--json"]
    assert main(twice) == 0
    vote = json.loads(capsys.readouterr().out)
    assert (vote["model"]["name"], vote["calibration"]["origin"]) == (
        "tiny + tiny",
        "fitted on validation",
    )
    single = printed["views"]["single"]["accuracy"]
    assert vote["views"]["single"]["accuracy"] == single  # two of one mind
    assert main([*words, "--output", str(faces_folder)]) == 2
    assert "contains other files" in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_the_report_fits_a_terminal_and_says_it_all(evaluation: Evaluation, encoding: str) -> None:
    terminal = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=terminal, width=80, highlight=False)
    print_evaluation(evaluation, "nearest mean", console)
    terminal.seek(0)
    report = terminal.read()
    assert max(map(len, report.splitlines())) <= 80
    single = evaluation.views["single"].figures
    assert f"{single.accuracy:.1%}" in report
    assert "56 faces, 3 of them with an exact duplicate in train" in report
    assert "fitted on validation" in report
    for name, row in zip(EMOTIONS, single.confusion, strict=True):
        assert re.search(rf"^{name} +" + " +".join(map(str, row)) + r" *$", report, re.MULTILINE)


def test_the_command_refuses_in_a_sentence(
    faces_folder: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    only_train = tmp_path / "few"
    (only_train / "train").mkdir(parents=True)
    for name in ("happy", "sad"):
        source = faces_folder / "train" / name
        (only_train / "train" / name).symlink_to(source, target_is_directory=True)
    cases = {
        "no test split": [str(tiny_model), "--data", str(only_train), "--split", "test"],
        "none.safetensors": [str(tmp_path / "none.safetensors"), "--data", str(faces_folder)],
        "--split": [str(tiny_model), "--data", str(faces_folder), "--split", "tset"],
    }
    for fault, words in cases.items():
        assert main(["evaluate", *words, "--output", str(tmp_path / "out")]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert fault in said.err
        assert "Traceback" not in said.err
    assert not (tmp_path / "out").exists()
