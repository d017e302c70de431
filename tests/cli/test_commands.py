"""What the command line promises: arguments in, exit codes and sentences out."""

import csv
import errno
import io
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawn_faces import drawn_split
from mien.batch.annotated import Copies
from mien.batch.sources import Source
from mien.cli import COMMANDS, app, main
from mien.emotions import EMOTIONS
from mien.errors import ConfigError
from mien.tables.spreadsheet import unescape
from tiny_model import write_tiny_model

HEAVY = ("kornia", "lightning", "matplotlib", "onnx", "onnxruntime", "scipy", "sklearn", "torch")
ROOT = Path(__file__).parents[2]

needs_train = pytest.mark.skipif(find_spec("torch") is None, reason="mien[train] is not installed")


def call(*arguments: object, **options: object) -> subprocess.CompletedProcess[bytes]:
    """Run the command in a process of its own, as a user does."""
    words = [sys.executable, "-m", "mien", *map(str, arguments)]
    return subprocess.run(words, capture_output=True, timeout=120, **options)


def run_python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, timeout=120)


# --- the command itself --------------------------------------------------------------------------


@pytest.mark.slow
def test_help_loads_nothing_heavy():
    code = (
        "import sys; from mien.cli import main; main(['--help'])\n"
        f"print([module for module in {HEAVY} if module in sys.modules])"
    )
    done = run_python(code)
    assert done.stdout.endswith("[]\n"), done.stderr


@pytest.mark.slow
def test_json_for_one_photo_loads_only_what_it_uses(tiny_model: Path) -> None:
    unused = ("rich", "mien.report", "mien.draw", "PIL.PngImagePlugin", "PIL.TiffImagePlugin")
    command = ["analyze", str(ROOT / "examples" / "astronaut.jpg"), "--json"]
    code = (
        "import sys; from mien.cli import main\n"
        f"main({[*command, '--model', str(tiny_model)]!r})\n"
        f"print([name for name in {unused!r} if name in sys.modules])"
    )
    done = run_python(code)
    assert done.stdout.endswith("[]\n"), done.stderr


def test_mien_alone_prints_help_with_every_command(capsys):
    assert main([]) == 0
    page = capsys.readouterr().out
    assert all(f"│ {command}" in page for command in COMMANDS)


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip().count(".") == 2


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["analise"], "did you mean analyze? see mien --help"),
        (["zzz"], "train, evaluate, compare, export; see mien --help"),
        (["data", "audti"], "did you mean audit? see mien data --help"),
        (["analyze", "a.jpg", "--device", "gpu"], "see mien analyze --help"),
        (["analyze"], "analyze needs a photo"),
        (["analyze", "--jsn", "a.jpg"], "did you mean --json?"),
        (["analyze", "a.jpg", "--zzz"], "see mien analyze --help"),
        (["analyze", "a.jpg", "--annotate"], "see mien analyze --help"),
        (["analyze", "a.jpg", "--detector-size", "large"], "into int"),
        (["analyze", "a.jpg", "--detector-size", "1"], "32 to 4096"),
        (["analyze", "a.jpg", "--min-score", "2"], "at most 1"),
        (["analyze", "a.jpg", "--model", "best"], "'accurate', 'fast'"),
        (["analyze", "a.jpg", "--model", "nowhere.onnx"], "nowhere.json"),
        (["train", "--data", "x"], "--recipe"),
        (["train", "--recipe", "nowhere.toml", "--data", "x"], "there is no recipe"),
        (["train", "--recipe", "nowhere.toml", "--data", "x", "--devices", "0"], "at least 1"),
        (["export", "best.safetensors", "--data", "x"], "--output"),
        pytest.param(
            ["export", "b", "--data", "x", "--output", "y", "--coverage", "3"],
            "at most 1",
            marks=needs_train,
        ),
        (["data", "audit", "nowhere"], "nowhere"),
    ],
)
def test_a_usage_error_is_one_sentence_and_exit_code_2(arguments, hint, capsys, tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("mien: ")
    assert err.count("\n") == 1
    assert hint in err


def test_what_the_system_refuses_is_a_sentence(capsys, monkeypatch):
    def refuse(_):
        raise OSError(errno.ENAMETOOLONG, "File name too long", "a.onnx")

    monkeypatch.setattr("mien.cli.app", refuse)
    assert main(["analyze"]) == 2
    assert capsys.readouterr().err == "mien: a.onnx: File name too long\n"


def test_an_unknown_setting_of_a_recipe_gets_a_suggestion(capsys, tmp_path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("seed = 1\n")
    arguments = ["train", "--recipe", str(recipe), "--data", "x", "--set", "model.unit=3"]
    assert main(arguments) == 2
    assert "did you mean 'units'" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("command", [["train", "--recipe", "smoke", "--data", "x"]])
def test_a_missing_extra_is_a_sentence(command):
    code = (
        "import sys; sys.modules |= dict.fromkeys(['lightning', 'scipy', 'torch'])\n"
        "from mien.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *command], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 2
    assert "mien train requires" in done.stderr
    assert "pip install 'mien[train]'" in done.stderr
    assert done.stderr.count("\n") == 1


# --- analyze -------------------------------------------------------------------------------------


def test_the_table_names_file_face_and_place(portrait_path, tiny_model, capsys):
    assert main(["analyze", str(portrait_path), "--model", str(tiny_model)]) == 0
    out, err = capsys.readouterr()
    heading, columns, row = out.splitlines()
    assert "astronaut.jpg  512 × 512, 1 face" in heading
    assert columns.split() == ["face", "expression", "probability", "next", "best", "box"]
    number, emotion, *_ = row.split()
    assert number == "1"
    assert emotion in EMOTIONS
    assert "%" in row
    assert "×" in row
    assert err == ""


def test_the_table_says_why_there_is_no_emotion(portrait_path, tmp_path, capsys):
    model = write_tiny_model(tmp_path, abstention_threshold=0.99)
    with Image.open(portrait_path) as image:
        image.resize((80, 80)).save(tmp_path / "small.png")
    photos = [str(portrait_path), str(tmp_path / "small.png")]
    assert main(["analyze", *photos, "--model", str(model)]) == 0
    out = capsys.readouterr().out
    assert "uncertain" in out
    assert "too small" in out


def test_json_is_one_object_a_file_in_order(portrait_path, tiny_model, tmp_path, capsys):
    blank = tmp_path / "no face.png"
    Image.new("RGB", (64, 48), "teal").save(blank)
    photos = [str(blank), str(tmp_path / "missing.jpg"), str(portrait_path)]
    assert main(["analyze", *photos, "--json", "--model", str(tiny_model)]) == 1
    out, err = capsys.readouterr()
    empty, error, full = (json.loads(line) for line in out.splitlines())
    assert [record["source"] for record in (empty, error, full)] == photos
    size = {"width": 64, "height": 48, "turned": 0, "damage": None, "labels": "own"}
    assert empty == {"schema": 1, "source": str(blank), **size, "faces": []}
    assert error["error"]["kind"] == "image"
    assert "missing.jpg does not exist" in error["error"]["message"]
    (face,) = full["faces"]
    assert list(face["probabilities"]) == list(EMOTIONS)
    assert sum(face["probabilities"].values()) == pytest.approx(1, abs=1e-6)
    assert face["emotion"] == max(face["probabilities"], key=face["probabilities"].get)
    assert "missing.jpg does not exist" in err


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> Path:
    """A folder of things that are no pictures."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("I am a picture.")
    (folder / "folder.jpg").mkdir()
    image = Image.new("RGB", (200, 200), "red")
    stream = io.BytesIO()
    image.save(stream, "PNG")
    (folder / "truncated.png").write_bytes(stream.getvalue()[:90])
    os.mkfifo(folder / "fifo.jpg")
    return folder


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.jpg", "does not exist"),
        ("empty.jpg", "is empty"),
        ("text.jpg", "is text"),
        ("folder.jpg", "a folder"),
        ("truncated.png", "damaged or incomplete"),
        ("fifo.jpg", "a named pipe"),
        ("a\0b.jpg", "cannot be opened"),
        ("x" * 300, "cannot be opened"),
        ("rtsp://example.org/a.jpg", "opens no connections"),
    ],
)
def test_one_bad_file_never_stops_the_others(
    name, reason, hostile, portrait_path, tiny_model, capsys
):
    bad = name if name.startswith("rtsp") else str(hostile / name)
    photos = [str(portrait_path), bad, str(portrait_path)]
    assert main(["analyze", *photos, "--model", str(tiny_model)]) == 1
    out, err = capsys.readouterr()
    assert out.count("1 face") == 2
    assert err.startswith("mien: ")
    assert err.count("\n") == 1
    assert reason in err


@pytest.mark.slow
def test_names_may_hold_anything(portrait_path, tiny_model, tmp_path, capsys):
    for name in ("zwei Wörter.jpg", "日本 😀.jpg", "[bold]x[red].jpg", "a'b\"c.jpg", "-x.jpg"):
        photo = tmp_path / name
        photo.write_bytes(portrait_path.read_bytes())
        assert main(["analyze", str(photo), "--model", str(tiny_model)]) == 0
        assert f"{name}  512 × 512" in capsys.readouterr().out


@pytest.mark.slow
def test_a_name_that_is_no_text_is_escaped(portrait_path, tiny_model, tmp_path):
    photo = os.fsencode(tmp_path) + b"/\xff.jpg"
    Path(os.fsdecode(photo)).write_bytes(portrait_path.read_bytes())
    words = [sys.executable, "-m", "mien", "analyze", photo, "--model", tiny_model]
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(words, capture_output=True, timeout=60, env=ascii_only)
    assert done.returncode == 0, done.stderr
    assert b"\\udcff.jpg  512 x 512" in done.stdout
    assert b"#" in done.stdout


@pytest.mark.slow
def test_stdin_is_a_photo(portrait_path, tiny_model):
    done = call("analyze", "-", "--json", "--model", tiny_model, input=portrait_path.read_bytes())
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["source"] == "<stdin>"
    assert len(record["faces"]) == 1


@pytest.mark.slow
def test_empty_stdin_is_an_error_of_that_photo(tiny_model):
    done = call("analyze", "-", "--model", tiny_model, input=b"")
    assert done.returncode == 1
    assert b"<stdin> is empty" in done.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
@pytest.mark.slow
def test_closed_standard_streams_are_no_error(closed, portrait_path, tiny_model, tmp_path):
    words = [sys.executable, "-m", "mien", "analyze", str(portrait_path), "--output", "a.csv"]
    line = f"{shlex.join([*words, '--model', str(tiny_model)])} {closed}"
    done = subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, timeout=60)
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))
    assert [row["source"] for row in rows] == [str(portrait_path)]


def test_a_name_that_begins_with_a_hyphen_follows_two_of_them(
    portrait_path, tiny_model, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    shutil.copy(portrait_path, "-rf.jpg")
    assert main(["analyze", "--json", "--model", str(tiny_model), "--", "-rf.jpg"]) == 0
    assert json.loads(capsys.readouterr().out)["source"] == "./-rf.jpg"


def test_a_name_is_no_formula_in_a_csv_file(portrait_path, tiny_model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ["=cmd.jpg", "@cmd.jpg", "+cmd.jpg"]
    for name in names:
        shutil.copy(portrait_path, name)
    Path("=bad.jpg").touch()
    words = [*names, "=bad.jpg", "--output", "faces.csv", "--model", str(tiny_model)]
    assert main(["analyze", *words]) == 1
    for table, wanted in (("faces.csv", [*names, "=bad.jpg"]), ("faces.failed.csv", ["=bad.jpg"])):
        rows = list(csv.reader(Path(table).read_text().splitlines()))
        assert not any(cell.startswith(tuple("=+@")) for row in rows for cell in row)
        assert [unescape(row[0]) for row in rows if row[0] != "source"] == wanted


@pytest.mark.slow
def test_a_reader_that_goes_away_is_no_error(portrait_path, tiny_model):
    photos = [portrait_path] * 200
    words = [sys.executable, "-m", "mien", "analyze", *photos, "--json", "--model", tiny_model]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=60) == 141
    assert process.stderr.read() == b""
    process.stderr.close()


@pytest.mark.slow
@pytest.mark.parametrize("options", [["--json"], []])
def test_a_full_disk_behind_standard_output_is_a_sentence(options, portrait_path, tiny_model):
    words = ["analyze", portrait_path, *options, "--model", tiny_model]
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "mien", *words]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith(b"mien: standard output cannot be written (No space left")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.slow
def test_nothing_is_asked_of_the_network(portrait_path, tiny_model):
    code = (
        "import socket, sys\n"
        "def refuse(*_, **__): raise SystemExit('the network was asked')\n"
        "socket.socket = socket.create_connection = socket.getaddrinfo = refuse\n"
        "from mien.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    done = run_python(code, "analyze", portrait_path, "--model", tiny_model)
    assert done.returncode == 0, done.stderr
    assert socket.socket is not None


# --- annotated pictures --------------------------------------------------------------------------


def test_annotated_copies_go_into_a_folder(portrait_path, tiny_model, tmp_path, capsys):
    other = tmp_path / "stress" / "astronaut.png"
    other.parent.mkdir()
    with Image.open(portrait_path) as image:
        image.save(other)
    before = portrait_path.read_bytes(), other.read_bytes()
    folder = tmp_path / "new" / "folder"
    photos = [str(portrait_path), str(tmp_path / "missing.jpg"), str(other)]
    arguments = ["analyze", *photos, "--annotate", str(folder), "--model", str(tiny_model)]
    assert main(arguments) == 1
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["examples-astronaut-annotated.jpg", "stress-astronaut-annotated.jpg"]
    assert (portrait_path.read_bytes(), other.read_bytes()) == before
    assert capsys.readouterr().out.count("annotated: ") == 2
    with Image.open(folder / names[0]) as drawn, Image.open(portrait_path) as plain:
        changed = np.asarray(drawn.resize(plain.size)).astype(int) - np.asarray(plain)
    assert np.abs(changed).max() > 100


@pytest.mark.slow
@pytest.mark.parametrize(("suffix", "kind"), [(".png", "PNG"), (".JPG", "JPEG"), (".webp", "WEBP")])
def test_one_photo_may_go_into_a_file(suffix, kind, portrait_path, tiny_model, tmp_path, capsys):
    target = tmp_path / f"out{suffix}"
    arguments = ["analyze", str(portrait_path), "--annotate", str(target), "--json"]
    assert main([*arguments, "--model", str(tiny_model)]) == 0
    out, err = capsys.readouterr()
    json.loads(out)
    assert f"annotated: {target}" in err
    with Image.open(target) as drawn:
        assert drawn.format == kind


def test_a_photo_is_never_written_over(portrait_path, tmp_path, capsys):
    photo = tmp_path / "me.jpg"
    photo.write_bytes(portrait_path.read_bytes())
    for target in (photo, tmp_path / "." / "me.jpg"):
        assert main(["analyze", str(photo), "--annotate", str(target)]) == 2
        assert "overwrite" in capsys.readouterr().err
    link = tmp_path / "link.jpg"
    link.symlink_to(photo)
    assert main(["analyze", str(photo), "--annotate", str(link)]) == 2
    assert photo.read_bytes() == portrait_path.read_bytes()


def test_copies_of_one_name_are_told_apart_by_folder_and_else_by_number() -> None:
    paths = ["baseline/P01.mp4", "stress/P01.mp4", "stress/P01.jpg", "P02.mp4"]
    planned = Copies(Path("out"), paths).plan(Source(path, Path(path).name) for path in paths)
    assert [source.below for source in planned] == [
        "baseline-P01-annotated",
        "stress-P01-annotated",
        "stress-P01-2-annotated",
        "P02-annotated",
    ]


def test_several_photos_do_not_go_into_one_file():
    with pytest.raises(ConfigError, match="pass a folder, as in --annotate out/"):
        Copies(Path("out.jpg"), ["a.jpg", "b.jpg"])


def test_a_folder_that_cannot_be_written_is_a_sentence(portrait_path, tiny_model, tmp_path, capsys):
    (tmp_path / "file").touch()
    arguments = ["analyze", str(portrait_path), "--annotate", str(tmp_path / "file" / "below")]
    assert main([*arguments, "--model", str(tiny_model)]) == 2
    assert "cannot be written" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_a_photo_of_which_no_copy_can_be_made_does_not_end_the_run(
    portrait_path, tiny_model, tmp_path, capsys
):
    Image.new("RGB", (66_000, 16)).save(tmp_path / "a wide.png")  # more than JPEG holds
    (tmp_path / "b.jpg").write_bytes(portrait_path.read_bytes())
    arguments = ["analyze", str(tmp_path), "--annotate", str(tmp_path / "out")]
    assert main([*arguments, "--model", str(tiny_model)]) == 1
    assert "JPEG does not support 66000 x 16" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b-annotated.jpg"]


# --- from data to a face -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def faces(tmp_path_factory) -> Path:
    """A folder of drawn faces, in three splits."""
    folder = tmp_path_factory.mktemp("drawn faces")
    for part, (split, per_class) in enumerate((("train", 4), ("validation", 2), ("test", 2))):
        drawn = drawn_split(split, per_class, seed=part)
        for path, image in zip(drawn.paths, drawn.images, strict=True):
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(place)
    return folder


@needs_train
@pytest.mark.slow
def test_from_data_to_the_emotion_on_a_face(faces, portrait_path, tmp_path, capsys):
    output, models = tmp_path / "my run", tmp_path / "models"
    recipe = "smoke"
    arguments = ["train", "--recipe", recipe, "--data", str(faces), "--output", str(output)]
    stages = "stages=[{ size = 48, epochs = 2 }]"
    assert main([*arguments, "--set", stages, "--seed", "7"]) == 0
    out = capsys.readouterr().out
    told = " ".join(out.split())
    assert "28 train, 14 validation, 14 test faces" in told
    assert "2 at 48 px; batches of 7, seed 7" in told
    assert f"mien evaluate '{output}/best.safetensors' --data '{faces}'" in out

    exported = ["export", str(output), "--data", str(faces), "--output", str(models)]
    assert main([*exported, "--name", "mine", "--coverage", "0.9"]) == 0
    assert "differ by at most" in capsys.readouterr().out
    assert main(["analyze", str(portrait_path), "--model", str(models / "mine.onnx")]) == 0
    assert "1 face" in capsys.readouterr().out


@needs_train
def test_splits_that_do_not_look_alike_are_refused(faces, tmp_path, capsys):
    for path in sorted(faces.rglob("*.png")):
        place = tmp_path / path.relative_to(faces)
        place.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(path) as image:
            blurred = image.reduce(6).resize((48, 48), Image.Resampling.BICUBIC)
            (blurred if "train" in place.parts else image).save(place)
    recipe = "smoke"
    output = tmp_path / "run"
    arguments = ["train", "--recipe", recipe, "--data", str(tmp_path), "--output", str(output)]
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert "look different" in err
    assert "--allow-mismatch" in err
    assert not output.exists()


@needs_train
def test_faces_copied_out_of_fer2013_are_told_why_they_have_no_train_split(tmp_path, capsys):
    for number in range(8):
        place = tmp_path / "faces" / ("happy", "sad")[number % 2] / f"PublicTest_{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((48, 48), 60).save(place)
    words = ["train", "--recipe", "smoke", "--data", str(tmp_path / "faces")]
    assert main([*words, "--output", str(tmp_path / "run")]) == 2
    err = capsys.readouterr().err
    assert "no train split" in err
    assert "named PublicTest_" in err
    assert "rename them" in err


@needs_train
@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on(faces, tmp_path):
    output = tmp_path / "run"
    words = [sys.executable, "-m", "mien", "train", "--recipe", "smoke"]
    words += ["--data", faces, "--output", output, "--set", "stages=[{ size = 48, epochs = 5000 }]"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if line.lstrip().startswith("2/"):
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.splitlines()[-1].startswith("mien: stopped after the last finished epoch. To ")
    assert err.rstrip().endswith("--resume")
    assert "Traceback" not in err


def test_every_command_is_registered():
    assert set(COMMANDS) == {name for name in app if not name.startswith("-")}
