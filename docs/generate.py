"""Write the generated parts of the documentation: help texts, figures, real output.

    make docs

`docs/cli.md` is generated as a whole. In other pages, only the text between two comments is:

    <!-- generated: NAME -->  <!-- end -->      (in YAML: # generated: NAME  # end)

NAME is a key of `BLOCKS`. `tests/test_docs.py` fails where a page is stale.
"""

import io
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from rich.console import Console

import mien
from blocks import ROOT, accuracy, costs, paces, reference
from mien.batch.annotated import write_picture
from mien.cli import COMMANDS, app
from mien.cli.explain import explain

PAGES: Final = ("README.md", "MODEL_CARD.md", "docs/**/*.md", "examples/*.md")
CLI_PAGE: Final = ROOT / "docs" / "cli.md"

_BLOCK = re.compile(
    r"((?:<!--|#) generated: ([\w-]+)(?: -->)?(?=\n))(.*?)((?:<!-- end -->|# end\n))", re.DOTALL
)
"""In a page's YAML, a comment begins with # instead."""


def main() -> None:
    """Write everything that is generated, pictures first."""
    image = mien.read_image(ROOT / reference.PHOTO)
    write_picture(image, mien.analyze(image), reference.PICTURE)
    print(f"drew {reference.PICTURE.relative_to(ROOT)}")
    explain(ROOT / reference.PHOTO, output=reference.EXPLAINED)
    for path, text in render().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")


def render() -> dict[Path, str]:
    """Return the up-to-date text of every page with generated parts."""
    pages = {CLI_PAGE: write_cli_page()}
    for pattern in PAGES:
        for path in sorted(ROOT.glob(pattern)):
            if path not in pages and is_generated(path):
                pages[path] = _BLOCK.sub(_fill, path.read_text(encoding="utf-8"))
    return pages


def is_generated(path: Path) -> bool:
    """Return whether a page has generated parts."""
    return path == CLI_PAGE or bool(_BLOCK.search(path.read_text(encoding="utf-8")))


def _fill(match: re.Match[str]) -> str:
    begin, name, _, end = match.groups()
    if name not in BLOCKS:
        raise SystemExit(f"unknown block {name!r}; known blocks: {', '.join(BLOCKS)}")
    return f"{begin}{BLOCKS[name]()}{end}"


def list_commands() -> Iterator[tuple[str, ...]]:
    """Yield the words of every command; subcommands follow their command."""
    for command in COMMANDS:
        yield (command,)
        for name in app[command]:
            if not name.startswith("-"):
                yield (command, name)


def print_help(*command: str) -> str:
    """Return a help page as an 80-column terminal shows it."""
    page = io.StringIO()
    console = Console(file=page, width=80, force_terminal=False, color_system=None)
    app.help_print(list(command), console=console)
    lines = "\n".join(line.rstrip() for line in page.getvalue().splitlines()).strip()
    return re.sub(r"\n{3,}", "\n\n", lines)


def write_cli_page() -> str:
    """Write docs/cli.md: the help of every command."""
    for command in COMMANDS:
        app[command]  # imports it, so that the list of commands can quote it
    parts = ["# The command line\n\n<!-- Written by `make docs`: do not edit. -->\n"]
    parts.append(f"```text\n{print_help()}\n```\n")
    parts += [
        f"## mien {' '.join(words)}\n\n```text\n{print_help(*words)}\n```\n"
        for words in list_commands()
    ]
    return "\n".join(parts)


BLOCKS: Final[dict[str, Callable[[], str]]] = {
    "headline": accuracy.write_headline,
    "votes": accuracy.write_votes,
    "accuracy-fer2013": partial(accuracy.write_accuracy, "fer2013"),
    "accuracy-cnn-lstm": partial(accuracy.write_accuracy, "cnn-lstm"),
    "seeds": accuracy.write_seeds,
    "model-index": accuracy.write_model_index,
    "models": accuracy.write_models,
    "corruptions": accuracy.write_corruptions,
    "corruptions-by-class": accuracy.write_corruptions_by_class,
    "corruptions-by-class-fast": partial(accuracy.write_corruptions_by_class, "fast"),
    "per-class-fast": partial(accuracy.write_per_class, "fast"),
    "confusion-fast": partial(accuracy.write_confusion, "fast"),
    "calibration-fast": partial(accuracy.write_calibration, "fast"),
    "provenance-fast": partial(accuracy.write_provenance, "fast"),
    "per-class": accuracy.write_per_class,
    "confusion": accuracy.write_confusion,
    "calibration": accuracy.write_calibration,
    "provenance": accuracy.write_provenance,
    "per-class-fer2013": partial(accuracy.write_per_class, "fer2013"),
    "calibration-fer2013": partial(accuracy.write_calibration, "fer2013"),
    "provenance-fer2013": partial(accuracy.write_provenance, "fer2013"),
    "cost": costs.write_cost,
    "crops": accuracy.write_crops,
    "second-look": accuracy.write_second_look,
    "few-faces": accuracy.write_few_faces,
    "fine-tune-time": accuracy.write_fine_tune_time,
    "page": costs.write_page_speed,
    "corruption-parameters": accuracy.write_corruption_parameters,
    "abstention": accuracy.write_abstention,
    "worth-of-lstm": accuracy.write_worth_of_lstm,
    "models-in-order": accuracy.write_models_in_order,
    "study-heads": partial(accuracy.write_study, "heads"),
    "study-trained-out": partial(accuracy.write_study, "trained-out"),
    "study-trained-out-test": partial(accuracy.write_study, "trained-out-test"),
    "study-full": partial(accuracy.write_study, "full"),
    "study-full-test": partial(accuracy.write_study, "full-test"),
    "study-targets": partial(accuracy.write_study, "targets"),
    "study-sequence": partial(accuracy.write_study, "sequence"),
    "study-helps": partial(accuracy.write_study, "helps"),
    "study-augmentation": partial(accuracy.write_study, "augmentation"),
    "demo": reference.write_demo,
    "many-files": costs.write_many_files,
    "loader-speed": paces.write_loader_speed,
    "cluster-speed": paces.write_cluster_speed,
    "million-photos": paces.write_million_photos,
    "training-peers": paces.write_training_peers,
    "picture": reference.write_picture_link,
    "explained": reference.write_explained,
    "python": reference.write_python,
    "settings": reference.write_settings,
    "imports": reference.write_imports,
    "imports-before": reference.write_imports_before,
    "structure": reference.write_structure,
    "rooms": reference.write_rooms,
    "limits": reference.write_limits,
    "service": costs.write_service,
    "serving-crowd": paces.write_crowd,
    "peers": costs.write_peers,
    "libraries": costs.write_libraries,
    "video-settings": reference.write_video_settings,
    "person-baseline": costs.write_person_baseline,
    "study-coverage": costs.write_study_coverage,
    "face-quality": costs.write_face_quality,
    "live-speed": costs.write_live_speed,
    "turned-photos": costs.write_turned_photos,
    "video-speed": costs.write_video_speed,
}

if __name__ == "__main__":
    main()
