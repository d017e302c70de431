"""Find recipes, and read TOML files and plain dicts into a checked `TrainConfig`."""

import dataclasses
import difflib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, get_args, get_origin, get_type_hints

from mien.errors import ConfigError, describe_error
from mien.training.config import TrainConfig

_Config = TypeVar("_Config")

FOLDER: Final = Path(__file__).resolve().parents[1] / "recipes"
"""The recipes that ship with mien."""
RECIPES: Final = ("cnn-lstm", "baseline", "fine-tune", "accurate", "fast", "smoke")
"""Their names, those for your own faces first."""


def find_recipe(recipe: str | Path) -> Path:
    """Find a recipe by its name or its path.

    Args:
        recipe: The name of a recipe that ships with mien (`RECIPES`), or a TOML file.

    Returns:
        The recipe's file.

    Raises:
        ConfigError: There is no such recipe or file.
    """
    if str(recipe) in RECIPES:
        return FOLDER / f"{recipe}.toml"
    path = Path(recipe)
    if not path.exists():
        near = difflib.get_close_matches(path.stem, RECIPES, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ConfigError(
            f"there is no recipe {str(recipe)!r}: {hint}mien ships {', '.join(RECIPES)}; any other "
            f"recipe must be the path of a TOML file"
        )
    return path


def read_config(recipe: str | Path, overrides: Sequence[str] = ()) -> TrainConfig:
    """Read a recipe.

    Args:
        recipe: The name of a recipe that ships with mien, or a TOML file whose keys are those of
            `TrainConfig`.
        overrides: Changes on top of it, each `key=value` with a TOML value: `model.units=96`.

    Returns:
        The checked config.

    Raises:
        ConfigError: The recipe is missing or cannot be read, or a key or value is invalid.
    """
    path = find_recipe(recipe)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"the recipe {path} cannot be read: {describe_error(error)}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"the recipe {path} is not valid TOML: {error}") from error
    for override in overrides:
        _merge(table, override)
    return config_from_dict(table)


def config_from_dict(table: Mapping[str, Any]) -> TrainConfig:
    """Build a config from plain types, as in TOML or in a checkpoint.

    Args:
        table: Keys and values; missing ones have their defaults.

    Returns:
        The checked config.

    Raises:
        ConfigError: A key is unknown or a value is of the wrong type or range.
    """
    return _build(TrainConfig, table, "")


def _merge(table: dict[str, Any], override: str) -> None:
    """Insert one `key=value` into a nested table."""
    key, equals, value = override.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"an override must have the form key=value, got {override!r}")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value.strip()
    *parents, last = key.strip().split(".")
    for parent in parents:
        child = table.setdefault(parent, {})
        if not isinstance(child, dict):
            raise ConfigError(f"{key.strip()} is not a setting: {parent} is a single value")
        table = child
    table[last] = parsed


def _build(kind: type[_Config], table: Mapping[str, Any], where: str) -> _Config:
    """Build a config dataclass from a table, with an error for anything that does not fit."""
    hints = get_type_hints(kind)
    values = {}
    for key, value in table.items():
        if key not in hints:
            near = difflib.get_close_matches(key, hints, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(hints)}"
            raise ConfigError(f"unknown setting {where + key!r}: {hint}")
        values[key] = _convert(hints[key], value, where + key)
    try:
        return kind(**values)
    except TypeError as error:
        raise ConfigError(f"{where.rstrip('.') or 'the config'} is incomplete: {error}") from error


def _convert(hint: Any, value: Any, key: str) -> Any:
    """Convert a plain value to the type of a field."""
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if isinstance(value, Mapping):
            return _build(hint, value, key + ".")
    elif get_origin(hint) is tuple:
        if isinstance(value, list | tuple):
            return tuple(_convert(get_args(hint)[0], item, key) for item in value)
    elif get_origin(hint) is Literal:
        if value in get_args(hint):
            return value
        raise ConfigError(f"{key} must be one of {', '.join(get_args(hint))}, got {value!r}")
    elif hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    elif type(value) is hint:
        return value

    wanted = getattr(hint, "__name__", str(hint))
    raise ConfigError(f"{key} must be a {wanted}, got {value!r}")
