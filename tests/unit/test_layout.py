"""The layout that packaging and imports rely on."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["dialects", "passes"])
def test_links_are_links(name: str):
    link = ROOT / "rnncc" / name
    assert link.is_symlink()
    assert link.resolve() == ROOT / name
