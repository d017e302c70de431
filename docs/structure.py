"""Measure how the source tree is laid out: sizes, paragraphs, phrases, imports between packages.

    python docs/structure.py                # the working tree
    python docs/structure.py --rev v0.1.0   # any revision of the repository
    python docs/structure.py --rev v0.1.0 --record before --suite pytest.log

Prints JSON; with `--draw`, a Mermaid drawing of the imports between packages. In a layout without
packages, every module at the top is drawn as one. Phrases are those of `docs/phrases.toml` in code
and documentation. `--record` keeps figures and drawing in `docs/structure.json`, from which the
design page shows them side by side: a shallow clone has no earlier revision. The time of the suite
is that in a log of `make test`; without `--suite`, the recorded one stays.
"""

import argparse
import ast
import io
import json
import re
import statistics
import subprocess
import tarfile
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
PACKAGE: Final = "src/mien"
RECORDS: Final = ROOT / "docs" / "structure.json"
PHRASES: Final = ROOT / "docs" / "phrases.toml"
LONG_FUNCTION: Final = 40
LONG_BODY: Final = 15
"""A body of this many lines should have a blank line or a comment somewhere."""

_PROSE: Final = re.compile(r"(src/mien|docs|benchmarks)/.+\.(py|md|toml)|(?!CHANGELOG)[A-Z_]+\.md")
"""Files whose phrases are counted; the changelog quotes former messages."""
_CLOSING: Final = re.compile(r"(\d+) passed.* in ([\d.]+)s")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def main() -> None:
    """Measure one tree and print what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--rev", help="a revision to measure instead of the working tree")
    parser.add_argument("--draw", action="store_true", help="print a Mermaid drawing")
    parser.add_argument("--record", choices=("before", "after"), help="keep what was measured")
    parser.add_argument("--suite", type=Path, help="what pytest printed at that revision")
    options = parser.parse_args()

    texts = dict(read_revision(options.rev) if options.rev else read_working_tree())
    if options.record:
        record(options.record, options.rev or "HEAD", texts, options.suite)
    elif options.draw:
        print(draw(select_package(texts)))
    else:
        print(json.dumps(measure(texts), indent=2))


def record(name: str, revision: str, texts: dict[str, str], suite: Path | None) -> None:
    """Keep the figures and the drawing of a revision under a name; a suite's time stays."""
    kept = json.loads(RECORDS.read_text(encoding="utf-8")) if RECORDS.exists() else {}
    git = ["git", "-C", str(ROOT), "show", "--no-patch", "--format=%h %cs", revision]
    found = subprocess.run(git, check=True, capture_output=True, text=True).stdout  # noqa: S603
    commit, date = found.split()

    spent = kept.get(name, {}).get("suite")
    if suite is not None:
        tests, seconds = _CLOSING.findall(suite.read_text(encoding="utf-8"))[-1]
        spent = {"passed": int(tests), "seconds": float(seconds)}

    kept[name] = {
        "commit": commit,
        "date": date,
        "figures": measure(texts),
        "suite": spent,
        "drawing": draw(select_package(texts)).splitlines(),
    }
    RECORDS.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


def read_working_tree() -> Iterator[tuple[str, str]]:
    """Yield every file of code and documentation as (path, text)."""
    for folder in ("src/mien", "docs", "benchmarks", "."):
        paths = (ROOT / folder).glob("*.md" if folder == "." else "**/*.*")
        for path in sorted(paths):
            name = path.relative_to(ROOT).as_posix()
            if _PROSE.fullmatch(name):
                yield name, path.read_text(encoding="utf-8")


def read_revision(revision: str) -> Iterator[tuple[str, str]]:
    """Yield the same for a revision, without touching the working tree."""
    command = ["git", "-C", str(ROOT), "archive", revision]
    archive = subprocess.run(command, check=True, capture_output=True).stdout  # noqa: S603 - git
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar.getmembers():
            file = tar.extractfile(member)
            if file is not None and _PROSE.fullmatch(member.name):
                yield member.name, file.read().decode("utf-8")


def select_package(texts: dict[str, str]) -> dict[str, str]:
    """Select the modules of the package, by their path below it."""
    start = f"{PACKAGE}/"
    return {
        path.removeprefix(start): text
        for path, text in texts.items()
        if path.startswith(start) and path.endswith(".py")
    }


def measure(texts: dict[str, str]) -> dict[str, Any]:
    """Count files, long functions, long bodies without a pause, phrases and imports."""
    sources = select_package(texts)
    lengths = {path: len(source.splitlines()) for path, source in sources.items()}
    modules = [n for path, n in lengths.items() if not path.endswith("__init__.py")]
    longest = max(lengths, key=lengths.__getitem__)
    folders = Counter(path.rpartition("/")[0] or "." for path in sources)

    long_functions = bodies = without_pause = 0
    for source in sources.values():
        lines = source.splitlines()
        for function in ast.walk(ast.parse(source)):
            if not isinstance(function, Function):
                continue
            body = _body_lines(function, lines)
            long_functions += len(body) > LONG_FUNCTION
            if len(body) >= LONG_BODY:
                bodies += 1
                without_pause += not any(not line.strip() or "#" in line for line in body)

    return {
        "files": len(sources),
        "lines": sum(lengths.values()),
        "median_file_lines": statistics.median(modules),
        "longest_file": {"path": longest, "lines": lengths[longest]},
        "fullest_folder": dict(folders.most_common(1)),
        "functions_over_40_lines": long_functions,
        "longer_bodies": bodies,
        "longer_bodies_without_pause": without_pause,
        "phrases": len(find_phrases(texts)),
        "packages": len({package_of(path) for path in sources}),
        "imports_between_packages": len(find_imports(sources)),
    }


def find_phrases(texts: dict[str, str]) -> list[tuple[str, str]]:
    """Find the phrases of `docs/phrases.toml`, as (path, phrase)."""
    known = tomllib.loads(PHRASES.read_text(encoding="utf-8"))
    openings = tuple(known["openings"])

    found = []
    for path, text in texts.items():
        if path == PHRASES.relative_to(ROOT).as_posix():
            continue
        in_one_line = " ".join(text.split())  # a phrase may be broken across lines
        for phrase in known["phrases"]:
            found += [(path, phrase)] * in_one_line.count(phrase)
        if path.endswith(".py"):
            found += [(path, said) for said in list_docstrings(text) if said.startswith(openings)]
    return found


def list_docstrings(source: str) -> Iterator[str]:
    """Yield the first line of every docstring of a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield (ast.get_docstring(node) or "").split("\n", maxsplit=1)[0]


def _body_lines(function: Function, lines: list[str]) -> list[str]:
    """Return the lines of a function's body, without its signature and docstring."""
    body = function.body
    if ast.get_docstring(function) is not None:
        body = body[1:]
    return lines[body[0].lineno - 1 : function.end_lineno] if body else []


def package_of(path: str) -> str:
    """Return the package a module lies in, or its own name at the top."""
    return path.split("/", maxsplit=1)[0].removesuffix(".py")


def find_imports(sources: dict[str, str]) -> set[tuple[str, str]]:
    """Find which package imports which, as (importer, imported)."""
    found = set()
    known = {package_of(path) for path in sources}
    for path, source in sources.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mien"):
                parts = (node.module or "").split(".")[1:] or [node.names[0].name]
                found.add((package_of(path), parts[0]))
    return {(a, b) for a, b in found if a != b and b in known and not a.startswith("__")}


def draw(sources: dict[str, str]) -> str:
    """Draw the imports between packages as Mermaid, without those that follow from others."""
    imports = find_imports(sources)
    reached = _closure(imports)
    direct = {
        (a, b)
        for a, b in imports
        if not any(x == a and y != b and (y, b) in reached for x, y in imports)
    }
    return "\n".join(["graph TD", *(f"  {a} --> {b}" for a, b in sorted(direct))])


def _closure(imports: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return every pair that is connected through any number of imports."""
    closed = set(imports)
    while more := {(a, d) for a, b in closed for c, d in closed if b == c} - closed:
        closed |= more
    return closed


if __name__ == "__main__":
    main()
