"""A real Chromium as a fixture; tests are skipped where there is none."""

import shutil
from collections.abc import Iterator

import pytest

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")


def launch(*arguments: str) -> Iterator:
    """Start a browser; extra arguments go to its command line."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", *arguments]
        )
        yield browser
        browser.close()


def list_violations(page) -> list[str]:
    """Check a page with axe, and give what it finds."""
    from axe_playwright_python.sync_playwright import Axe

    return [
        f"{found['id']}: {node['target']}"
        for found in Axe().run(page).response["violations"]
        for node in found["nodes"]
    ]
