"""Files that are kept outside the tree come back whole, from git or from a release's archive."""

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

import study_files
from study_files import FETCH, MANIFEST, ROOT, advise_missing, main, read_manifest

CONTENT = {"full/one/last.safetensors": b"weights" * 99, "old-predictions.csv.gz": b"table"}


def git(folder: Path, *words: str) -> str:
    named = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
    command = ["git", "-C", str(folder), *named, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Whose first commit has the files, and whose last one has only their manifest."""
    root = tmp_path / "origin"
    (root / "benchmarks").mkdir(parents=True)
    git(root, "init", "--quiet", "--initial-branch", "main")
    for path, content in CONTENT.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "Keep them")

    files = [
        {"path": path, "size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for path, content in CONTENT.items()
    ]
    told = {"commit": git(root, "rev-parse", "HEAD"), "files": files}
    (root / MANIFEST.relative_to(ROOT)).write_text(json.dumps(told), encoding="utf-8")
    git(root, "rm", "--quiet", "--cached", *CONTENT)
    git(root, "add", "benchmarks")
    git(root, "commit", "--quiet", "--message", "Move them out")
    for path in CONTENT:
        (root / path).unlink()
    return root


def are_there(root: Path) -> bool:
    return all((root / path).read_bytes() == content for path, content in CONTENT.items())


def test_they_come_from_the_history_and_a_second_run_leaves_them(repository, capsys):
    assert main([], repository) == 0
    assert are_there(repository)
    assert "brought 2 files" in capsys.readouterr().out
    assert main([], repository) == 0
    assert "all 2 files are there" in capsys.readouterr().out


def test_only_what_is_incomplete_is_written_again(repository, capsys):
    assert main([], repository) == 0
    path = repository / "old-predictions.csv.gz"
    path.write_bytes(b"tab")
    assert main([], repository) == 0
    assert are_there(repository)
    assert "brought 1 files" in capsys.readouterr().out


def test_a_shallow_clone_fetches_the_commit(repository, tmp_path, capsys):
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth", "1", repository.as_uri(), str(shallow))
    assert main([], shallow) == 0
    assert are_there(shallow)
    assert "fetching commit" in capsys.readouterr().out
    assert git(shallow, "rev-list", "--count", "HEAD") == "1"


def test_a_clone_that_cannot_fetch_says_what_to_do(repository, tmp_path, capsys):
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth", "1", repository.as_uri(), str(shallow))
    git(shallow, "remote", "set-url", "origin", str(tmp_path / "gone"))
    assert main([], shallow) == 1
    assert "--archive" in capsys.readouterr().err


def test_another_content_is_refused(repository, capsys):
    path = repository / MANIFEST.relative_to(ROOT)
    told = json.loads(path.read_text(encoding="utf-8"))
    told["files"][1]["sha256"] = "0" * 64
    path.write_text(json.dumps(told), encoding="utf-8")
    assert main([], repository) == 1
    assert "another SHA-256" in capsys.readouterr().err
    assert not (repository / "old-predictions.csv.gz").exists()
    assert (repository / "full/one/last.safetensors").is_file()


def test_an_archive_brings_them_without_git(repository, tmp_path, capsys):
    archive, again = tmp_path / "study-files.zip", tmp_path / "again.zip"
    assert main(["--pack", str(archive)], repository) == 1  # nothing is there to pack
    assert FETCH in capsys.readouterr().err
    assert main([], repository) == 0
    for path in (archive, again):
        assert main(["--pack", str(path)], repository) == 0
    assert archive.read_bytes() == again.read_bytes()

    plain = tmp_path / "sdist"
    (plain / "benchmarks").mkdir(parents=True)
    manifest = MANIFEST.relative_to(ROOT)
    (plain / manifest).write_bytes((repository / manifest).read_bytes())
    assert main(["--archive", str(archive)], plain) == 0
    assert are_there(plain)


@pytest.mark.parametrize("content", [None, b"PK\x03\x04 cut off"])
def test_a_damaged_archive_is_a_sentence(repository, tmp_path, capsys, content):
    archive = tmp_path / "study-files.zip"
    if content is not None:
        archive.write_bytes(content)
    assert main(["--archive", str(archive)], repository) == 1
    assert "not a complete zip file" in capsys.readouterr().err


def test_outside_a_repository_a_sentence_says_what_to_do(repository, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    plain = tmp_path / "sdist"
    (plain / "benchmarks").mkdir(parents=True)
    manifest = MANIFEST.relative_to(ROOT)
    (plain / manifest).write_bytes((repository / manifest).read_bytes())
    assert main([], plain) == 1
    assert "is not a git repository" in capsys.readouterr().err


def test_a_missing_file_of_the_study_is_known():
    _, files = read_manifest()
    assert FETCH in advise_missing(files[0].path)
    assert FETCH in advise_missing(ROOT / files[-1].path)
    assert advise_missing("README.md") == ""


def test_the_tree_does_not_hold_them_and_the_commit_does():
    commit, files = read_manifest()
    if study_files._git(ROOT, "cat-file", "-e", commit).returncode:
        pytest.skip("this is no clone with its history")
    tracked = git(ROOT, "ls-files").splitlines()
    read = study_files.read_from_history(commit, ROOT)
    for file in files:
        assert file.path not in tracked
        assert file.matches(read(file.path))
    assert sum(file.size_bytes for file in files) > 9_000_000
