"""The guide of docs/study.md from the tables to a figure: every block runs as it stands."""

import csv
import io
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mien.emotions import EMOTIONS
from mien.study.outputs import write_participants, write_wide
from mien.study.plan import Plan, Recording
from mien.study.summary import Summary

GUIDE = (Path(__file__).parents[2] / "docs" / "study.md").read_text(encoding="utf-8")
PEOPLE = 12


def find_block(language, words):
    """Return the guide's block in a language that has some words."""
    blocks = re.findall(rf"```{language}\n(.*?)```", GUIDE, flags=re.DOTALL)
    (found,) = [block for block in blocks if words in block]
    return found


@pytest.fixture
def results(tmp_path, monkeypatch):
    """The tables of a made study: happy rises by 0.2 in the film."""
    rng = np.random.default_rng(0)
    people = [f"p{number:02}" for number in range(PEOPLE)]
    conditions = ("calm", "film")
    plan = Plan(
        tuple(
            Recording(f"{c}/{who}.mp4", f"{c}/{who}.mp4", who, c)
            for who in people
            for c in conditions
        )
    )
    summaries = []
    for who in people:
        own = rng.uniform(0.1, 0.4)
        for condition in conditions:
            measures = {f"mean_{name}_baseline": 0.1 for name in EMOTIONS}
            happy = own + 0.2 * (condition == "film") + rng.normal(0, 0.02)
            excluded = "no face was read" if (who, condition) == ("p00", "film") else None
            summaries.append(
                Summary(who, condition, 1, measures | {"mean_happy_baseline": happy}, excluded)
            )
    folder = tmp_path / "results"
    folder.mkdir()
    write_participants(folder / "participants.csv", summaries)
    write_wide(folder / "wide.csv", plan, summaries)
    monkeypatch.chdir(tmp_path)
    return folder


def test_pandas(results, capsys):
    pytest.importorskip("pandas")
    pytest.importorskip("matplotlib").use("Agg")
    exec(compile(find_block("python", "read_csv"), "guide", "exec"), {})
    told = re.search(r"mean\s+([\d.]+)", capsys.readouterr().out)
    assert float(told[1]) == pytest.approx(0.2, abs=0.03)
    assert Path("happy.png").stat().st_size > 10_000


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_r(results):
    Path("guide.R").write_text(find_block("r", "t.test"))
    told = subprocess.run(["Rscript", "guide.R"], capture_output=True, text=True, check=True)
    assert f"df = {PEOPLE - 2}" in told.stdout  # one of them has no film
    assert float(re.search(r"mean difference\s+([\d.]+)", told.stdout)[1]) == pytest.approx(
        0.2, abs=0.03
    )
    assert Path("happy.png").stat().st_size > 3_000


@pytest.mark.skipif(shutil.which("pspp") is None, reason="PSPP is not installed")
def test_spss(results):
    columns = next(csv.reader(io.StringIO((results / "wide.csv").read_text())))
    kinds = " ".join(f"{name} {'A20' if n == 0 else 'F12.8'}" for n, name in enumerate(columns))
    opened = (
        f"GET DATA /TYPE=TXT /FILE='{results / 'wide.csv'}' /DELIMITERS=',' /QUALIFIER='\"' "
        f"/FIRSTCASE=2 /VARIABLES={kinds}.\n"
    )
    Path("guide.sps").write_text(opened + find_block("spss", "T-TEST"))
    told = subprocess.run(["pspp", "guide.sps"], capture_output=True, text=True, check=True).stdout
    assert re.search(rf"\b{PEOPLE - 2}\b", told)
    assert "error" not in told.lower()


def test_names_of_columns_fit_spss(results):
    columns = next(csv.reader(io.StringIO((results / "wide.csv").read_text())))
    assert all(re.fullmatch(r"[A-Za-z]\w{0,63}", name) for name in columns)


def test_power_is_as_the_guide_says(capsys):
    pytest.importorskip("scipy")
    exec(compile(find_block("python", "ttest_1samp"), "guide", "exec"), {})
    told = dict(line.split() for line in capsys.readouterr().out.splitlines())
    said = re.search(
        r"20 participants give a power of about (\d+ %), and 60 of about (\d+ %)", GUIDE
    )
    shares = [float(told[size].rstrip("%")) for size in ("20", "60")]
    assert shares == pytest.approx([float(text.split()[0]) for text in said.groups()], abs=1)
