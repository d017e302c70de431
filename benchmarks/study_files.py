"""Bring files of the studies that are kept outside the source tree.

Command: make study-files

The networks of the study on FER2013's label, and the predictions of models that no longer ship,
are too large for each clone. `benchmarks/study_files.json` lists them with their sizes and SHA-256,
and names the commit that contains them. They are taken from this repository's history; a shallow
clone fetches that commit. Every release also has them as an asset, for those without git:

    python benchmarks/study_files.py --archive study-files.zip

Files that are complete are left alone, so an interrupted run can be repeated. `--pack FILE.zip`
writes the asset. Exit codes: 0 all are there, 1 some are missing.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mien.errors import DataError, MienError, OutputError, describe_error
from mien.files import write_whole

ROOT: Final = Path(__file__).resolve().parents[1]
MANIFEST: Final = ROOT / "benchmarks" / "study_files.json"
FETCH: Final = "make study-files"
"""What to run where one of the files is missing."""
_DATE: Final = (1980, 1, 1, 0, 0, 0)  # the same bytes whenever the archive is packed


@dataclass(frozen=True)
class StudyFile:
    """One file.

    Attributes:
        path: Its place below the root of the repository.
        size_bytes: Its length.
        sha256: Its checksum.
    """

    path: str
    size_bytes: int
    sha256: str

    def matches(self, content: bytes) -> bool:
        """Return whether these bytes are the file's."""
        same_size = len(content) == self.size_bytes
        return same_size and hashlib.sha256(content).hexdigest() == self.sha256

    def write(self, content: bytes, root: Path) -> None:
        """Write the file in one step, if these bytes are its.

        Raises:
            DataError: They are others.
            OutputError: The file cannot be written.
        """
        if not self.matches(content):
            raise DataError(
                f"{self.path} has another SHA-256 than {MANIFEST.name} states; it was not written"
            )
        write_whole(root / self.path, content)

    def is_there(self, root: Path) -> bool:
        """Return whether the file is complete below a root."""
        path = root / self.path
        return path.is_file() and self.matches(path.read_bytes())


def read_manifest(path: Path = MANIFEST) -> tuple[str, tuple[StudyFile, ...]]:
    """Read the commit that contains the files, and the files."""
    told = json.loads(path.read_text(encoding="utf-8"))
    return told["commit"], tuple(StudyFile(**file) for file in told["files"])


def advise_missing(path: Path | str) -> str:
    """Return what to do where a file is missing; empty if it is none of these."""
    _, files = read_manifest()
    known = {ROOT / file.path for file in files}
    return f"run `{FETCH}` to bring it" if (ROOT / path).resolve() in known else ""


def bring(
    files: Sequence[StudyFile], root: Path, read: Callable[[str], bytes]
) -> tuple[int, list[str]]:
    """Write the files that are missing or incomplete, each in one step.

    Args:
        files: The files.
        root: Where they belong.
        read: Returns the content of a path. Raises `DataError`.

    Returns:
        How many were written, and a sentence for each that could not be.
    """
    written, problems = 0, []
    for file in files:
        if file.is_there(root):
            continue
        try:
            file.write(read(file.path), root)
        except (DataError, OutputError) as error:
            problems.append(str(error))
        else:
            written += 1
    return written, problems


def read_from_history(commit: str, root: Path) -> Callable[[str], bytes]:
    """Return a reader of the repository's history, with the commit fetched if it is not there.

    Raises:
        DataError: This is not a git repository, or the commit cannot be fetched.
    """
    if _git(root, "rev-parse", "--git-dir").returncode:
        raise DataError(
            f"{root} is not a git repository; download study-files.zip from a release, and run "
            "python benchmarks/study_files.py --archive study-files.zip"
        )
    if _git(root, "cat-file", "-e", f"{commit}^{{tree}}").returncode:
        print(f"fetching commit {commit[:12]} (about 10 MB)", flush=True)
        fetched = _git(root, "fetch", "--quiet", "--no-tags", "--depth=1", "origin", commit)
        if fetched.returncode:
            raise DataError(
                f"commit {commit[:12]} is not in this clone and could not be fetched "
                f"({_last_line(fetched.stderr)}); run git fetch --unshallow, or use a release's "
                "study-files.zip with --archive"
            )

    def read(path: str) -> bytes:
        found = _git(root, "cat-file", "blob", f"{commit}:{path}")
        if found.returncode:
            raise DataError(f"{path} cannot be read from git ({_last_line(found.stderr)})")
        return found.stdout

    return read


def read_from_archive(archive: Path) -> Callable[[str], bytes]:
    """Return a reader of a release's asset.

    Raises:
        DataError: It does not exist, or is not a complete zip file.
    """
    try:
        opened = zipfile.ZipFile(archive)
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{archive} is not a complete zip file ({describe_error(error)}); download it again"
        ) from error

    def read(path: str) -> bytes:
        try:
            return opened.read(path)
        except (KeyError, OSError, zipfile.BadZipFile) as error:
            raise DataError(f"{archive} lacks {path} ({describe_error(error)})") from error

    return read


def pack(files: Sequence[StudyFile], root: Path, archive: Path) -> None:
    """Write the asset of a release; the same files give the same bytes.

    Raises:
        DataError: A file is missing.
    """
    missing = [file.path for file in files if not file.is_there(root)]
    if missing:
        raise DataError(f"{missing[0]} is missing or incomplete; run `{FETCH}` first")
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w") as opened:
        for file in files:
            info = zipfile.ZipInfo(file.path, _DATE)
            opened.writestr(info, (root / file.path).read_bytes())


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Bring or pack the files.

    Returns:
        0 if all files are there, otherwise 1.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--archive", type=Path, help="take them from a release's study-files.zip")
    parser.add_argument("--pack", type=Path, help="write that zip instead")
    options = parser.parse_args(arguments)

    commit, files = read_manifest(root / MANIFEST.relative_to(ROOT))
    try:
        if options.pack is not None:
            pack(files, root, options.pack)
            print(f"packed {len(files)} files into {options.pack}")
            return 0
        if all(file.is_there(root) for file in files):
            print(f"all {len(files)} files are there")
            return 0
        archive = options.archive
        read = read_from_history(commit, root) if archive is None else read_from_archive(archive)
    except MienError as error:
        print(f"study_files: {error}", file=sys.stderr)
        return 1

    written, problems = bring(files, root, read)
    for problem in problems:
        print(f"study_files: {problem}", file=sys.stderr)
    print(f"brought {written} files; {len(problems)} are missing")
    return 1 if problems else 0


def _git(root: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    """Run git; a missing git is a failure like any other."""
    command = ["git", "-C", str(root), *words]
    try:
        return subprocess.run(command, capture_output=True, check=False)
    except OSError as error:
        return subprocess.CompletedProcess(command, 127, b"", describe_error(error).encode())


def _last_line(text: bytes) -> str:
    lines = text.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "git gave no reason"


if __name__ == "__main__":
    sys.exit(main())
