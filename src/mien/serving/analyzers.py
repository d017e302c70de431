"""Provide an analyzer for each model and combination of request settings."""

import functools
from collections.abc import Sequence

from mien.analyzer import Analyzer
from mien.errors import MienError
from mien.serving.problems import Problem
from mien.serving.settings import PictureSettings

MAX_KEPT = 32
"""Number of analyzers kept for repeated settings, so that their pictures share batches."""


class Analyzers:
    """One analyzer per model, and variants that share its networks."""

    def __init__(self, held: Sequence[Analyzer], *, max_detector_size: int) -> None:
        """Store the analyzers.

        Args:
            held: One for each model, at least one; the first is the default.
            max_detector_size: Maximum `detector_size` of a request, in pixels.
        """
        self.default = held[0]
        self._by_name = {analyzer.recognizer.spec.name: analyzer for analyzer in held}
        self._max_detector_size = max_detector_size
        self.get = functools.lru_cache(MAX_KEPT)(self._get)

    @property
    def all(self) -> tuple[Analyzer, ...]:
        """The analyzers of the models, the default first."""
        return tuple(self._by_name.values())

    def find(self, model: str | None) -> Analyzer:
        """Return a model's analyzer; None returns the default.

        Raises:
            Problem: The service does not have this model.
        """
        if model is None:
            return self.default
        if model not in self._by_name:
            raise Problem(
                "bad-setting",
                f"this service has no model {model[:80]!r}, only {', '.join(self._by_name)}; "
                "its operator can add one with --model",
            )
        return self._by_name[model]

    def _get(self, settings: PictureSettings) -> Analyzer:
        """Return an analyzer with a request's settings; called by `get`, which caches the results.

        Raises:
            Problem: A setting is out of range.
        """
        held = self.find(settings.model)
        if settings == PictureSettings(model=settings.model):
            return held
        if settings.detector_size > self._max_detector_size:
            raise Problem(
                "bad-setting",
                f"detector_size must be at most {self._max_detector_size} in this service, "
                f"got {settings.detector_size}",
            )

        try:
            recognizer = held.recognizer.with_features() if settings.features else held.recognizer
            return Analyzer(recognizer, detector=held.detector).with_options(settings)
        except MienError as error:
            raise Problem("bad-setting", str(error)) from error
