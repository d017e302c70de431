"""Build a release twice, compare the builds, and write what goes with it.

    make release-check

Leaves in dist/ the sdist, the wheel, their SHA-256 (`SHA256SUMS`) and a CycloneDX bill of
materials of what `pip install` puts beside mien (`mien-VERSION.cdx.json`). Needs the page built
(`make web`), and fails where the two builds differ or the metadata would not show on PyPI.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
DIST: Final = ROOT / "dist"


def main() -> None:
    """Build, compare, check and describe the release."""
    environment = os.environ | {"SOURCE_DATE_EPOCH": read_commit_time()}
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        for folder in (first, second):
            run("-m", "build", "--outdir", folder, str(ROOT), environment=environment)
        built = compare(Path(first), Path(second))
        shutil.rmtree(DIST, ignore_errors=True)
        shutil.copytree(first, DIST)

    files = sorted(built)
    run("-m", "twine", "check", "--strict", *(str(DIST / name) for name in files))
    (DIST / "SHA256SUMS").write_text("".join(f"{built[name]}  {name}\n" for name in files))
    wheel = next(DIST.glob("*.whl"))
    write_bill(wheel, DIST / f"{'-'.join(wheel.stem.split('-')[:2])}.cdx.json")
    for path in sorted(DIST.iterdir()):
        print(f"{path.stat().st_size:>12,}  {path.name}")


def read_commit_time() -> str:
    """Return when the checked-out commit was made, in seconds since 1970."""
    command = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603


def run(*arguments: str, environment: dict[str, str] | None = None) -> None:
    """Run Python with arguments; exit where it fails."""
    done = subprocess.run([sys.executable, *arguments], env=environment, check=False)  # noqa: S603
    if done.returncode:
        raise SystemExit(done.returncode)


def compare(first: Path, second: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a build; exit where another build differs."""
    builds = [
        {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
        for folder in (first, second)
    ]
    if builds[0] != builds[1]:
        raise SystemExit(f"two builds of one commit differ: {builds[0]} and {builds[1]}")
    print("two builds of one commit are the same, byte for byte")
    return builds[0]


def write_bill(wheel: Path, path: Path) -> None:
    """Install a wheel into an environment of its own, and list what is there then."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=False)
        python = Path(folder, "Scripts" if os.name == "nt" else "bin", "python")
        run("-m", "pip", "--python", str(python), "install", "--quiet", str(wheel))
        project = ("--pyproject", str(ROOT / "pyproject.toml"), "--mc-type", "library")
        options = ("--output-reproducible", "--output-format", "JSON", "--output-file", str(path))
        run("-m", "cyclonedx_py", "environment", *project, *options, str(python))


if __name__ == "__main__":
    main()
