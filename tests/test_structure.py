"""The source tree keeps to the lengths of CONTRIBUTING.md, and its figures are what they say."""

import pytest

import structure

BODY = "\n".join(f"    x = {n}" for n in range(41))
TEXTS = {
    "src/mien/a.py": "from mien.b.c import d\n" + "\n" * 9,
    "src/mien/b/c.py": f'def long():\n    """Compute."""\n{BODY}\n',
    "src/mien/b/d.py": f"def paused():\n{BODY[:200]}\n\n{BODY[:200]}\n",
    "docs/page.md": "Not a module; it uses all cores at hand.",
}


@pytest.mark.slow
def test_no_function_has_more_than_forty_lines():
    measured = structure.measure(dict(structure.read_working_tree()))
    assert measured["functions_over_40_lines"] == 0
    assert measured["longer_bodies_without_pause"] <= 0.05 * measured["longer_bodies"]


def test_a_small_tree_has_the_figures_counted_by_hand():
    measured = structure.measure(TEXTS)
    assert (measured["files"], measured["phrases"]) == (3, 1)
    assert measured["longest_file"] == {"path": "b/c.py", "lines": 43}
    assert measured["functions_over_40_lines"] == 1
    assert (measured["longer_bodies"], measured["longer_bodies_without_pause"]) == (2, 1)
    assert (measured["packages"], measured["imports_between_packages"]) == (2, 1)


def test_a_drawing_leaves_out_what_follows_from_other_imports():
    both = "from mien.a import x\nfrom mien.b import y"
    sources = {"a.py": "import x", "b.py": "from mien import a", "c.py": both}
    assert structure.draw(sources).splitlines() == ["graph TD", "  b --> a", "  c --> b"]
