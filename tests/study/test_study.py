"""A study through the whole line: plan, readings, tables, statistics, report, and its refusals."""

import csv
import json
import re
import subprocess
import sys
import time
from dataclasses import replace
from importlib.metadata import version

import numpy as np
import pytest
from PIL import Image

import mien
from clips import write_clip
from mien.cli import main
from mien.model.spec import ModelSpec
from mien.study import statistics
from mien.study.coding import pair_codes, read_codes
from mien.study.plan import Plan, Recording, match_folder, read_table
from mien.study.quality import MeasuringDetector, measure_quality
from mien.study.reading import READINGS, Row
from tiny_model import write_tiny_model

pytest.importorskip("scipy")
pytest.importorskip("statsmodels")


def read_csv(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def recordings(tmp_path_factory, portrait):
    """Four people under two conditions; the tiny model reads how bright a face is."""
    folder = tmp_path_factory.mktemp("recordings")
    small = Image.fromarray(portrait).resize((200, 200))
    for number in range(1, 5):
        for condition, light in (("dim", 0.45), ("lit", 1.0)):
            for trial in (1, 2):
                path = folder / condition / f"p{number}_{trial}.png"
                path.parent.mkdir(exist_ok=True)
                level = light - 0.02 * number + 0.03 * trial
                small.point(lambda value, by=level: round(value * by)).save(path)
    (folder / "lit" / "notes.png").write_bytes((folder / "lit" / "p1_1.png").read_bytes())
    return folder


OUTPUTS = ("faces.csv", "participants.csv", "wide.csv", "events.csv", "study.json", "study.html")
PATTERN = "{condition}/{participant}_{trial}.*"


def run(model, source, output, *more):
    command = ["study", str(source), "--output", str(output), "--model", str(model), *more]
    return main(command)


@pytest.mark.slow
def test_a_folder_becomes_tables_and_a_report(recordings, tiny_model, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(tiny_model, recordings, out, "--pattern", PATTERN) == 0
    told = capsys.readouterr().err
    assert "16 recordings of 4 participants under 2 conditions" in told
    assert "the pattern does not match 1 file (lit/notes.png)" in told

    faces = read_csv(out / "faces.csv")
    assert len(faces) == 16
    assert {row["condition"] for row in faces} == {"dim", "lit"}
    for row in faces:
        for suffix in ("", "_baseline"):
            total = sum(float(row[f"{name}{suffix}"]) for name in mien.EMOTIONS)
            assert total == pytest.approx(1, abs=1e-4)
        assert row["emotion_baseline"] in mien.EMOTIONS
        assert float(row["size_px"]) > 30
        assert abs(float(row["roll_deg"])) < 30

    cells = read_csv(out / "participants.csv")
    assert [(row["participant"], row["condition"]) for row in cells[:2]] == [
        ("p1", "dim"),
        ("p1", "lit"),
    ]
    assert {row["coverage"] for row in cells} == {"1.0"}
    wide = read_csv(out / "wide.csv")
    assert len(wide) == 4
    assert float(wide[0]["mean_happy_lit"]) == pytest.approx(float(cells[1]["mean_happy"]))

    study = json.loads((out / "study.json").read_text())
    happy = next(one for one in study["comparisons"] if one["measure"] == "mean_happy_baseline")
    assert (happy["first"], happy["second"], happy["participants"]) == ("dim", "lit", 4)
    assert 0 < happy["low"] <= happy["difference"] <= happy["high"]
    assert happy["p"] == pytest.approx(2 / 16)  # all four rise: the least that four can show
    assert happy["p_holm"] >= happy["p"]
    page = (out / "study.html").read_text()
    assert page.index("Data quality") < page.index("Conditions compared") < page.index("Methods")
    assert not re.search(r"(?:src|href)=\"?http", page)
    tests = sum(one["p"] is not None for one in study["comparisons"])
    methods = page[page.index("Methods, for a paper") :]
    for said in (
        "9,999 resamples",
        f"all tests of the study ({tests})",
        f"SciPy {version('scipy')} and statsmodels {version('statsmodels')}, random seed 0",
        "without one of two conditions were left out",
        "before participants were excluded",
        "Hesterberg, T. C.",
        "Holm, S. (1979)",
        "Efron, B.",
    ):
        assert said in methods, said
    assert (study["seed"], study["resamples"], study["versions"]["scipy"]) == (
        statistics.SEED,
        9_999,
        version("scipy"),
    )


@pytest.mark.slow
def test_a_stopped_run_resumes_and_gives_the_same(recordings, tiny_model, tmp_path):
    out, again = tmp_path / "out", tmp_path / "again"
    assert run(tiny_model, recordings, out, "--pattern", PATTERN) == 0
    again.mkdir()
    lines = (out / READINGS).read_bytes().splitlines(keepends=True)
    (again / READINGS).write_bytes(b"".join(lines[:8]) + lines[8][:20])  # torn in the middle
    assert run(tiny_model, recordings, again, "--pattern", PATTERN) == 0
    for name in ("faces.csv", "participants.csv", "wide.csv", "study.json"):
        assert (again / name).read_text() == (out / name).read_text()


@pytest.mark.slow
def test_another_contract_of_the_same_network_does_not_resume(recordings, tmp_path, capsys):
    model, out = write_tiny_model(tmp_path), tmp_path / "out"
    assert run(model, recordings, out, "--pattern", PATTERN) == 0
    told = ModelSpec.read(model.with_suffix(".json"))
    other = replace(told, name="other", file=model.name, temperature=1.0)
    other.write(tmp_path / "other.json")
    assert run(tmp_path / "other.json", recordings, out, "--pattern", PATTERN) == 2
    assert "was started with model tiny (" in capsys.readouterr().err


@pytest.mark.slow
def test_a_table_keeps_its_columns_and_cuts_videos(tiny_model, portrait, tmp_path):
    times = [n / 10 for n in range(20)]
    small = np.asarray(Image.fromarray(portrait).resize((200, 200)))
    dim = (small * 0.5).astype(np.uint8)
    (tmp_path / "a.mp4").write_bytes(write_clip([dim if t < 1 else small for t in times], times))
    table = tmp_path / "table.csv"
    table.write_text(
        "source;participant;condition;start_s;end_s;label\n"
        "a.mp4;ann;first;0;1;calm\na.mp4;ann;second;1;;glad\n"
    )
    out = tmp_path / "out"
    assert run(tiny_model, table, out, "--baseline", "rest", "--rest", "first") == 0
    faces = read_csv(out / "faces.csv")
    assert {(row["condition"], row["label"]) for row in faces} == {
        ("first", "calm"),
        ("second", "glad"),
    }
    assert all((float(row["time_s"]) < 1) == (row["condition"] == "first") for row in faces)
    assert {r["emotion_baseline"] for r in faces if r["condition"] == "first"} == {"neutral"}
    assert {row["smoothed_emotion"] for row in faces} <= set(mien.EMOTIONS)
    study = json.loads((out / "study.json").read_text())
    assert {one["participants"] for one in study["comparisons"]} == {1}
    assert {one["low"] for one in study["comparisons"]} == {None}
    assert "Fewer than 3 participants" in (out / "study.html").read_text()


@pytest.mark.slow
def test_tables_are_safe_to_open_and_their_columns_differ(recordings, tiny_model, tmp_path):
    conditions = {"dim": "Film A", "lit": "film-a"}
    rows = [
        f"{recordings}/{folder}/p{n}_1.png,=p{n},{condition}"
        for folder, condition in conditions.items()
        for n in (1, 2, 3)
    ]
    table, out = tmp_path / "table.csv", tmp_path / "out"
    table.write_text("source,participant,condition\n" + "\n".join(rows) + "\n")
    assert run(tiny_model, table, out) == 0
    for name in ("faces.csv", "participants.csv", "wide.csv"):
        assert {row["participant"] for row in read_csv(out / name)} == {"'=p1", "'=p2", "'=p3"}
    columns = list(read_csv(out / "wide.csv")[0])
    assert {"mean_happy_Film_A", "mean_happy_film_a_2"} <= set(columns)
    assert len({name.lower() for name in columns}) == len(columns)


@pytest.mark.slow
def test_no_face_in_a_condition_is_left_out_and_said(recordings, tiny_model, tmp_path, capsys):
    Image.new("RGB", (64, 64)).save(tmp_path / "blank.png")
    rows = [f"{recordings}/dim/p{n}_1.png,p{n},dim" for n in (1, 2)]
    rows += [f"{recordings}/lit/p1_1.png,p1,lit", f"{tmp_path}/blank.png,p2,lit"]
    table = tmp_path / "table.csv"
    table.write_text("source,participant,condition\n" + "\n".join(rows) + "\n")
    assert run(tiny_model, table, tmp_path / "out") == 0
    assert "excluded: p2 × lit (no face was read)" in capsys.readouterr().err
    cells = read_csv(tmp_path / "out" / "participants.csv")
    assert [row["excluded"] for row in cells] == ["", "", "", "no face was read"]


def test_what_cannot_be_read_is_told(recordings, tiny_model, tmp_path, capsys):
    table = tmp_path / "table.csv"
    table.write_text(
        f"source,participant,condition\n{recordings}/dim/p1_1.png,p1,dim\n"
        f"{recordings}/lit/p1_1.png,p1,lit\ngone.png,p2,dim\n"
    )
    assert run(tiny_model, table, tmp_path / "out") == 1
    told = capsys.readouterr().err
    assert "missing: 1 (p2 × lit)" in told
    assert "gone.png" in told


@pytest.mark.slow
def test_coders_and_machine_are_compared(recordings, tiny_model, tmp_path):
    out, codes = tmp_path / "out", tmp_path / "codes.csv"
    assert run(tiny_model, recordings, out, "--pattern", PATTERN) == 0
    rows = read_csv(out / "faces.csv")
    told = [f"{row['source']},{row['emotion_baseline']}" for row in rows[:-1]]
    wrong = "sad" if rows[-1]["emotion_baseline"] != "sad" else "fear"
    codes.write_text("\n".join(["source,label", *told, f"{rows[-1]['source']},{wrong}"]))
    more = ("--pattern", PATTERN, "--coded", str(codes))
    assert run(tiny_model, recordings, out, *more) == 0
    found = json.loads((out / "study.json").read_text())["agreement"]
    assert (found["pictures"], found["agreement"]) == (16, pytest.approx(15 / 16))
    assert found["kappa"]["low"] < found["kappa"]["value"] < 1
    assert wrong in found["icc"]
    assert "kappa" in (out / "study.html").read_text()


@pytest.mark.parametrize(
    "codes",
    [
        "source,label,start_s,end_s\nfilm/a.mp4,happy,1,2\nfilm/a.mp4,sad,2,3\n",
        (
            "File\tAnnotation\tBegin Time - ss.msec\tEnd Time - ss.msec\n"
            "a\thappy\t1.000\t2.000\na\tsad\t2.000\t3.000\n"
        ),
        "Observation;Behavior;Time_Relative_sf;Duration_sf\na;happy;1;1\na;sad;2;1\n",
    ],
    ids=["own", "elan", "noldus"],
)
def test_codes_come_from_several_programs(codes, tmp_path):
    path = tmp_path / "codes.txt"
    path.write_text(codes)
    recording = Recording("x/film/a.mp4", "film/a.mp4", "p")
    read = {"happy": 0.9, "sad": 0.1}
    rows = [Row(recording, time_s=t, corrected=read) for t in (0.5, 1.0, 1.9, 2.0, 3.0)]
    paired = pair_codes(read_codes(path, FILM), rows)
    assert [one.human for one in paired] == ["happy", "happy", "sad"]
    assert {(one.recording, one.machine) for one in paired} == {("film/a.mp4", "happy")}


FILM = ["film/a.mp4"]
EAF = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT FORMAT="3.0"><HEADER TIME_UNITS="milliseconds">
<MEDIA_DESCRIPTOR MEDIA_URL="file:///C:/study/film/a.mp4" MIME_TYPE="video/mp4"/></HEADER>
<TIME_ORDER><TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="1000"/>
<TIME_SLOT TIME_SLOT_ID="ts2" TIME_VALUE="2000"/></TIME_ORDER>
<TIER TIER_ID="face" LINGUISTIC_TYPE_REF="default"><ANNOTATION>
<ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2">
<ANNOTATION_VALUE>happy</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>
</ANNOTATION_DOCUMENT>"""


def test_codes_come_from_files_of_elan(tmp_path):
    (tmp_path / "coder1.eaf").write_text(EAF)
    recording = Recording("x/film/a.mp4", "film/a.mp4", "p")
    rows = [Row(recording, time_s=t, corrected={"happy": 1.0}) for t in (0.5, 1.0, 1.9, 2.0)]
    for given in (tmp_path, tmp_path / "coder1.eaf"):
        assert [one.human for one in pair_codes(read_codes(given, FILM), rows)] == [
            "happy",
            "happy",
        ]
    (tmp_path / "coder1.eaf").write_text(EAF[:300])
    with pytest.raises(mien.ConfigError, match=r"coder1.eaf cannot be read as an ELAN file"):
        read_codes(tmp_path, FILM)
    (tmp_path / "empty").mkdir()
    with pytest.raises(mien.ConfigError, match=r"contains no \.eaf files"):
        read_codes(tmp_path / "empty", FILM)


def test_coders_are_told_apart(tmp_path):
    table, rows = tmp_path / "codes.csv", []
    recording = Recording("x/a.png", "a.png", "p")
    rows = [Row(recording, corrected={"happy": 1.0})]
    table.write_text("source,label,coder\na,happy,1\na,sad,2\na,happy,3\n")
    (one,) = pair_codes(read_codes(table, ["a.png"]), rows)
    assert (one.human, one.coders) == ("happy", {"1": "happy", "2": "sad", "3": "happy"})
    table.write_text("source,label,Coder\na,happy,1\na,sad,2\n")
    (one,) = pair_codes(read_codes(table, ["a.png"]), rows)
    assert one.human is None  # as many for one word as for the other
    film = [Row(Recording("x/film/a.mp4", "film/a.mp4", "p"), time_s=1.5, corrected={"happy": 1.0})]
    (tmp_path / "coder1.eaf").write_text(EAF)
    second = EAF.replace('TIER_ID="face"', 'TIER_ID="face" ANNOTATOR="kim"')
    (tmp_path / "coder2.eaf").write_text(second.replace(">happy<", ">sad<"))
    (one,) = pair_codes(read_codes(tmp_path, FILM), film)
    assert one.coders == {"coder1": "happy", "kim": "sad"}


def test_codes_without_their_columns_are_refused(tmp_path):
    path = tmp_path / "codes.csv"
    path.write_text("source,word\na,b\n")
    with pytest.raises(mien.ConfigError, match="got source, word"):
        read_codes(path, ["a"])
    path.write_text("source,label,time_s\na,b,soon\n")
    with pytest.raises(mien.ConfigError, match=r"line 2 .* times must be in seconds"):
        read_codes(path, ["a"])


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("", "has no column 'source'; it has none"),
        ("source,who\na,b\n", "has no column 'participant'"),
        ("source,participant\n", "has no rows"),
        ("source,participant\na.png,\n", "line 2 of .* has no participant"),
        ("source,participant,start_s\na.png,p,soon\n", "line 2 .* number of seconds, got 'soon'"),
        ("source,participant,start_s,end_s\na,p,5,2\n", "end_s must be after start_s"),
        ("source,participant\na,p,x\n", "more cells than"),
        ("source,participant,participant\na,p,q\n", "two columns 'participant'"),
        ("source,participant,start_s\na,p,nan\n", "number of seconds, got 'nan'"),
        ("source,participant,end_s\na,p,1e999\n", "number of seconds, got '1e999'"),
        ("source,participant\na,p\nb,p\n./a,q\n", "line 4 .* same part of ./a as line 2"),
        ("source,participant\na,Doe, Jane\n", "put text that contains the separator in quotes"),
    ],
)
def test_a_bad_table_gets_one_sentence(table, words, tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(table)
    with pytest.raises(mien.ConfigError, match=words):
        read_table(path)


def test_a_table_of_a_spreadsheet_is_read(tmp_path):
    """Semicolons, decimal commas, Windows' line ends, an unnamed column, and line ends in cells."""
    path = tmp_path / "table.csv"
    text = (
        "source;participant;condition;start_s;end_s;note;\r\n"
        'a.mp4;Zo\u00eb;calm;1,5;2;"two\nlines";\r\n'
        ";;;;;;\r\n"
        "a.mp4;Zoe\u0308;film;2;3,25;;\r\n"
    )
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    plan = read_table(path)
    assert [(one.start_s, one.end_s) for one in plan.recordings] == [(1.5, 2.0), (2.0, 3.25)]
    assert plan.participants == ("Zo\u00eb",)  # however its accent is written
    assert plan.columns == ("note",)
    assert plan.recordings[0].extra == {"note": "two\nlines"}
    path.write_bytes("source,participant\na.mp4,Zo\u00eb\n".encode("cp1252"))
    with pytest.raises(mien.ConfigError, match="not UTF-8 text; save it as CSV UTF-8"):
        read_table(path)


def test_names_that_may_be_one_are_told():
    names = ("P01", "p1", "p10", "p100", "p 1", "P2")
    plan = Plan(tuple(Recording(f"{name}.png", name, name) for name in names))
    assert plan.similar() == (("P01", "p1", "p 1"),)


def test_columns_of_the_table_are_kept_beside_ours(recordings, tiny_model, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text(
        f"source,participant,emotion,age\n{recordings / 'dim' / 'p1_1.png'},p1,joy,30\n"
    )
    assert run(tiny_model, table, tmp_path / "out", "--baseline", "none") == 0
    header = (tmp_path / "out" / "faces.csv").read_text().splitlines()[0].split(",")
    assert len(header) == len(set(header))
    (row,) = read_csv(tmp_path / "out" / "faces.csv")
    assert (row["emotion_table"], row["age"]) == ("joy", "30")
    assert row["emotion"] in {*mien.EMOTIONS, ""}


def test_codes_are_checked_before_the_reading(recordings, tiny_model, tmp_path, capsys):
    out, codes = tmp_path / "out", tmp_path / "codes.csv"
    coded = ("--pattern", PATTERN, "--coded", str(codes))
    for text, words in (
        ("source,word\np1_1.png,happy\n", "must have the columns source and label"),
        ("source,label\nq9.png,happy\n", "name none of the study's recordings, such as 'q9.png'"),
        ("source,label\np1_1,happy\n", "may be dim/p1_1.png or lit/p1_1.png"),
    ):
        codes.write_text(text)
        assert run(tiny_model, recordings, out, *coded) == 2
        assert words in " ".join(capsys.readouterr().err.split())
        assert not (out / READINGS).exists()


@pytest.mark.slow
def test_codes_that_are_not_used_are_told(recordings, tiny_model, tmp_path, capsys):
    codes = tmp_path / "codes.csv"
    codes.write_text("source,label\ndim/p1_1,Happy\nlit/p1_1,joy\nq9,sad\n")
    coded = ("--pattern", PATTERN, "--coded", str(codes))
    assert run(tiny_model, recordings, tmp_path / "out", *coded) == 0
    told = " ".join(capsys.readouterr().err.split())
    assert "not in the study, but coded: 1 source (q9)" in told
    assert "does not know these words of coders, which never agree: joy" in told


def test_names_in_codes_may_leave_out_or_add_folders(tmp_path):
    path = tmp_path / "codes.csv"
    sources = ["calm/a.mp4", "film/a.mp4", "film/b.mp4", "film/v1.2"]
    for name, wanted in (
        ("film/a.mp4", "film/a.mp4"),
        ("film/a", "film/a.mp4"),
        ("study/film/a.avi", "film/a.mp4"),
        ("film\\a.mp4", "film/a.mp4"),
        ("b", "film/b.mp4"),
        ("v1.2", "film/v1.2"),
    ):
        path.write_text(f"source,label\n{name},Sad\n")
        assert list(read_codes(path, sources).stretches) == [wanted]
    (tmp_path / "c.eaf").write_text(EAF.replace("study/film/a.mp4", "Desktop/b.mp4"))
    assert list(read_codes(tmp_path / "c.eaf", sources).stretches) == ["film/b.mp4"]


def test_missing_libraries_are_asked_for_before_the_reading(
    recordings, tiny_model, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(statistics, "find_spec", lambda name: None)
    assert run(tiny_model, recordings, tmp_path / "out", "--pattern", PATTERN) == 2
    assert "pip install 'mien[study]'" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()


def test_patterns_that_cannot_be_followed_are_refused(recordings, tmp_path):
    with pytest.raises(mien.ConfigError, match="matches none of the 17 files"):
        match_folder(recordings, "{participant}.mp4")
    with pytest.raises(mien.ConfigError, match=r"no \{participant\}"):
        match_folder(recordings, "{condition}/*.png")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--baseline", "mean"], "participant, rest or none"),
        (["--baseline", "rest"], "requires --rest"),
        (["--baseline", "rest", "--rest", "night"], "neither a condition"),
        (["--baseline", "rest", "--rest", "9-3"], "increasing times"),
        (["--expected", "odd"], "even or group"),
        (["--min-coverage", "2"], "0 to 1"),
        (["--exclude", "size < 40"], "is no rule"),
        (["--test", "anova"], "permutation"),
    ],
)
def test_bad_options_get_one_sentence(recordings, tiny_model, tmp_path, options, words, capsys):
    assert run(tiny_model, recordings, tmp_path / "o", "--pattern", PATTERN, *options) == 2
    assert words in capsys.readouterr().err


def test_quality_says_what_is_seen(portrait):
    (face,) = mien.detect_faces(portrait)
    sharp = measure_quality(portrait, face)
    small = Image.fromarray(portrait).resize((64, 64)).resize((512, 512))
    blurred = measure_quality(np.asarray(small), face)
    dark = measure_quality((portrait * 0.5).astype(np.uint8), face)
    assert blurred.sharpness < sharp.sharpness / 3
    assert dark.brightness == pytest.approx(sharp.brightness / 2, abs=2)
    assert abs(sharp.roll_deg) < 15


def test_quality_is_found_for_photos_that_are_decoded_smaller(portrait):
    detector = MeasuringDetector(detector_size=640)
    (face,) = detector.search(portrait).faces
    (halved,) = detector.search(portrait, reduction=2).faces
    assert detector.take(face.box).size_px == pytest.approx(min(face.box.width, face.box.height))
    assert detector.take(halved.scaled(2).box).size_px == pytest.approx(
        2 * detector.take(face.box).size_px
    )


@pytest.mark.slow
def test_folders_of_frames_are_recordings(portrait, tiny_model, tmp_path):
    small = Image.fromarray(portrait).resize((200, 200))
    for participant in ("p2", "p10"):
        for condition, light in (("dim", 0.5), ("lit", 1.0)):
            folder = tmp_path / "in" / condition / participant
            folder.mkdir(parents=True)
            for number in range(12):
                small.point(lambda v, by=light: round(v * by)).save(folder / f"f{number}.jpg")
    out = tmp_path / "out"
    more = ("--pattern", "{condition}/{participant}", "--fps", "10", "--every", "frame")
    assert run(tiny_model, tmp_path / "in", out, *more) == 0
    faces = read_csv(out / "faces.csv")
    assert len(faces) == 4 * 12
    assert [row["time_s"] for row in faces[:3]] == ["0.0", "0.1", "0.2"]
    cells = read_csv(out / "participants.csv")
    assert [row["participant"] for row in cells] == ["p2", "p2", "p10", "p10"]
    assert {float(row["seconds"]) for row in cells} == {1.2}


def test_yaw_and_roll_come_from_the_landmarks(portrait):
    def measure(nose_x, left_eye_y=40):
        points = ((30, 40), (70, left_eye_y), (nose_x, 60), (35, 80), (65, 80))
        return measure_quality(portrait, mien.Face(mien.Box(10, 10, 80, 90), points, 0.9))

    assert measure(50).yaw_deg == pytest.approx(0)
    assert measure(60).yaw_deg == pytest.approx(-measure(40).yaw_deg)
    assert measure(60).yaw_deg > 20  # towards the person's left, which the picture shows right
    assert measure(50, left_eye_y=80).roll_deg == pytest.approx(45)


@pytest.mark.slow
def test_rules_leave_faces_out_of_all_results_and_are_counted(
    recordings, tiny_model, tmp_path, capsys
):
    """A rule that all dim faces fulfil leaves that condition without any."""
    plain, out = tmp_path / "plain", tmp_path / "out"
    assert run(tiny_model, recordings, plain, "--pattern", PATTERN) == 0
    dim = [float(r["brightness"]) for r in read_csv(plain / "faces.csv") if r["condition"] == "dim"]
    lit = [float(r["brightness"]) for r in read_csv(plain / "faces.csv") if r["condition"] == "lit"]
    rule = f"brightness < {(max(dim) + min(lit)) / 2:.1f}"
    out.mkdir()
    (out / READINGS).write_bytes((plain / READINGS).read_bytes())
    capsys.readouterr()
    more = ("--pattern", PATTERN, "--baseline", "none", "--exclude", rule, "--test", "mixed")
    assert run(tiny_model, recordings, out, *more) == 0
    assert f"left out: 8 photos or frames ({rule})" in capsys.readouterr().err

    cells = read_csv(out / "participants.csv")
    for cell in cells:
        is_dim = cell["condition"] == "dim"
        assert (float(cell["left_out"]), float(cell["coverage"])) == ((1, 0) if is_dim else (0, 1))
        assert cell["excluded"] == ("no face was read" if is_dim else "")
    faces = read_csv(out / "faces.csv")
    assert [row["excluded"] for row in faces] == [rule] * 8 + [""] * 8
    assert all(row["happy"] for row in faces)  # as read, they are still there
    study = json.loads((out / "study.json").read_text())
    assert study["left_out"] == {rule: 8}
    assert study["settings"]["exclude"] == [rule]
    assert study["comparisons"] == []
    page = (out / "study.html").read_text()
    assert f"{rule.replace('<', '&lt;')} (8)" in page
    assert "mixed models" in page


@pytest.mark.slow
def test_a_run_that_is_killed_resumes_and_gives_the_same_bytes(recordings, tiny_model, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    command = [sys.executable, "-m", "mien", "study", str(recordings), "--pattern", PATTERN]
    command += ["--model", str(tiny_model), "--output"]
    assert subprocess.run([*command, str(whole)], check=False).returncode == 0
    process = subprocess.Popen([*command, str(killed)])
    journal, until_s = killed / READINGS, time.monotonic() + 60
    while not (journal.is_file() and journal.read_bytes().count(b"\n") > 3):
        assert time.monotonic() < until_s
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not (killed / "study.html").exists()
    assert subprocess.run([*command, str(killed)], check=False).returncode == 0
    for name in OUTPUTS:
        assert (killed / name).read_bytes() == (whole / name).read_bytes(), name


def write_table(folder, rows):
    """Write a table of (file, participant, condition)."""
    table = folder / "table.csv"
    lines = [",".join(map(str, row)) for row in rows]
    table.write_text("\n".join(["source,participant,condition", *lines]) + "\n")
    return table


@pytest.mark.parametrize(
    ("rows", "told", "in_report"),
    [
        (
            [("dim/p1_1.png", "p1", "dim")],
            "one participant: no intervals",
            "There is only one condition",
        ),
        (
            [(f"dim/p{n}_1.png", f"p{n}", "dim") for n in (1, 2)],
            "one condition: nothing to compare",
            "nothing to compare",
        ),
        (
            [("dim/p1_1.png", "p1", "dim"), ("lit/p2_1.png", "p2", "lit")],
            "missing: 2 (p1 × lit, p2 × dim)",
            "Not recorded: p1 × lit, p2 × dim",
        ),
        (
            [
                ("dim/p1_1.png", "p1", "dim"),
                ("dim/p1_2.png", "p1", "dim"),
                ("lit/p1_1.png", "p1", "lit"),
            ],
            "3 recordings of 1 participant under 2 conditions",
            "Fewer than 3 participants",
        ),
    ],
    ids=["one of both", "one condition", "nobody has both", "unequal counts"],
)
def test_small_designs_are_said_and_still_written(
    recordings, tiny_model, tmp_path, rows, told, in_report, capsys
):
    table = write_table(tmp_path, [(recordings / file, *rest) for file, *rest in rows])
    out = tmp_path / "out"
    assert run(tiny_model, table, out) == 0
    assert told in capsys.readouterr().err
    page = (out / "study.html").read_text()
    assert in_report in page
    assert "bootstrapped" not in page  # the methods tell of no test where there is none
    assert "Hesterberg" not in page
    assert all((out / name).is_file() for name in OUTPUTS)


def test_a_study_without_any_face_says_so(tiny_model, tmp_path, capsys):
    Image.new("RGB", (64, 64)).save(tmp_path / "blank.png")
    Image.new("RGB", (64, 64)).save(tmp_path / "black.png")
    table = write_table(tmp_path, [("blank.png", "p1", "dim"), ("black.png", "p1", "lit")])
    assert run(tiny_model, table, tmp_path / "out") == 2
    assert "no face was read" in capsys.readouterr().err
    assert run(tiny_model, table, tmp_path / "out", "--baseline", "none") == 0


@pytest.mark.parametrize("name", ["gone.csv", "letters.csv", "photo.png"])
def test_a_table_that_is_none_gets_one_sentence(recordings, tiny_model, tmp_path, name, capsys):
    (tmp_path / "letters.csv").write_bytes(b"\xff\xfe\xfa source")
    (tmp_path / "photo.png").write_bytes((recordings / "dim" / "p1_1.png").read_bytes())
    assert run(tiny_model, tmp_path / name, tmp_path / "out") == 2
    told = capsys.readouterr().err
    assert f"the table {tmp_path / name} cannot be read" in " ".join(told.split())
    assert "Traceback" not in told
