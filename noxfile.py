"""Run the tests on every Python, with the newest and with the lowest allowed dependencies.

nox                        everything: needs uv, and the Pythons (uv fetches what is missing)
nox -s newest              the newest releases
nox -s "lowest-3.12"       the lowest ones, on one Python
nox -s newest -- -m "not slow"    whatever follows -- goes to pytest

PyTorch comes from the index that uv is configured with. If it has no build for a Python,
`EXTRAS=serve,tables,video nox` leaves PyTorch out, and the tests that need it are skipped.
"""

import os
from pathlib import Path

import nox

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
EXTRAS = os.environ.get("EXTRAS", "all")

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "uv"


@nox.session(python=PYTHONS)
def newest(session: nox.Session) -> None:
    """Test with the newest allowed release of every dependency."""
    run_tests(session, "highest")


@nox.session(python=PYTHONS)
def lowest(session: nox.Session) -> None:
    """Test with the lowest allowed release of every direct dependency that has a wheel."""
    run_tests(session, "lowest-direct")


def run_tests(session: nox.Session, resolution: str) -> None:
    """Install mien and what its tests need, and run them."""
    requirements = Path(session.create_tmp()) / "requirements.txt"
    extras = [f"--extra={extra}" for extra in EXTRAS.split(",")]
    # Without wheels, an old numpy would be compiled for minutes on a new Python.
    how = (
        f"--resolution={resolution}",
        "--only-binary=:all:",
        f"--python={session.virtualenv.location}",
    )
    what = ("pyproject.toml", *extras, "--group=test", f"--output-file={requirements}", "--quiet")
    session.run("uv", "pip", "compile", *how, *what, external=True)
    session.install("-r", str(requirements))
    session.install("--no-deps", "--editable=.")
    session.run("uv", "pip", "list", external=True)
    options = ("--numprocesses=logical", "--maxprocesses=4", "--dist=worksteal")
    session.run("python", "-m", "pytest", *options, *session.posargs)
