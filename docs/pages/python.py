"""Write the reference of the public Python API: every public name, from its docstring."""

from importlib import import_module
from typing import Final

import mien

SUBMODULES: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "Other libraries": {
        "mien.compat.sklearn": ("ExpressionTransformer",),
        "mien.compat.deepface": ("analyze", "ImgNotFound", "FaceNotDetected", "UnimplementedError"),
        "mien.compat.fer": ("FER", "InvalidImage"),
        "mien.cluster": ("BatchReader", "read_faces"),
    },
    "Reports and files": {
        "mien.report": ("PhotoReport", "RecordReport", "VideoReport"),
        "mien.results": ("read_result",),
        "mien.tables.spreadsheet": ("unescape",),
        "mien.explain.explanation": ("Explanation", "Walk"),
        "mien.explain.picture": ("draw_explanation",),
    },
    "Types": {
        "mien.images": ("ImageSource",),
        "mien.video.container": ("VideoSource",),
        "mien.model.prior": ("Prior",),
        "mien.faces.turns": ("Rotated",),
        "mien.devices": ("DeviceName",),
    },
    "Training in Python": {
        "mien.data.datasets": ("load_dataset",),
        "mien.data.audit": ("audit_dataset", "check_trainable"),
        "mien.training.recipes": ("config_from_dict",),
        "mien.training.config": ("TrainConfig", "ModelConfig", "AugmentConfig"),
        "mien.training.model": ("CnnLstm",),
        "mien.evaluation.predictor": ("load_predictor",),
        "mien.evaluation.evaluate": ("evaluate", "find_train_copies"),
    },
}
"""Public names that are imported from their own module, by the page they are on."""

_ALIASES: Final = {"ImageSource": "mien.images.source"}
"""Where aliases of types are defined, if not where they are imported from."""


def write_reference() -> dict[str, str]:
    """Write the reference.

    Returns:
        The pages' texts by their names: an overview, and a page for each kind of name.
    """
    overview = [
        "# Python reference\n",
        "Every public name, with shapes, units, errors and its source. All others may change.\n",
        "`mien.__version__` is the version, and `mien.EMOTIONS` has the labels:",
        f"{', '.join(mien.EMOTIONS)}.\n",
    ]
    pages = {}
    for kind, homes in {**_sort_names(), **_list_submodules()}.items():
        page = f"reference-{kind.lower().replace(' ', '-')}.md"
        pages[page] = "\n".join([f"# {kind}\n", *(f"::: {home}\n" for home in homes.values())])
        links = [f"- [`{name}`]({page}#{home})" for name, home in homes.items()]
        overview += [f"## {kind}\n", *links, ""]
    return {"reference.md": "\n".join(overview), **pages}


def _sort_names() -> dict[str, dict[str, str]]:
    """Return where each name of `mien` is defined, by its kind."""
    kinds: dict[str, dict[str, str]] = {
        kind: {} for kind in ("Functions", "Results", "Classes", "Errors")
    }
    for name in mien.__all__:
        value = getattr(mien, name)
        if isinstance(value, type):
            is_error = issubclass(value, Exception)
            is_result = value.__module__.startswith(
                ("mien.results.", "mien.faces.face", "mien.watch.frame")
            )
            kind = "Errors" if is_error else "Results" if is_result else "Classes"
        elif callable(value):
            kind = "Functions"
        else:
            continue
        kinds[kind][name] = f"{value.__module__}.{name}"
    return kinds


def _list_submodules() -> dict[str, dict[str, str]]:
    """Return where each name of `SUBMODULES` is defined, by its page and full name."""
    return {
        kind: {
            f"{module}.{name}": f"{_find_home(module, name)}.{name}"
            for module, names in modules.items()
            for name in names
        }
        for kind, modules in SUBMODULES.items()
    }


def _find_home(module: str, name: str) -> str:
    """Return the module that defines a name; an alias of types does not know its own."""
    value = getattr(import_module(module), name)
    home = getattr(value, "__module__", module)
    return home if home.startswith("mien.") else _ALIASES.get(name, module)
