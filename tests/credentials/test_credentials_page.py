"""The how-to of credentials says what is so: each of its files is read, and its letter is the one a worker writes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from activities.credentials import choosing, file
from activities.credentials.ways import Google, Pattern
from holdfast.errors import NotAllowed
from holdfast.model import Scope
from tests.cloud import ROOT

PAGE = (ROOT / "docs/how-to/give-credentials.md").read_text()
FILES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_every_file_is_read(tmp_path: Path) -> None:
    """Every file on the page is one that a worker takes, and together they show every field there is."""
    path = tmp_path / "credentials.yaml"
    ways = []
    for text in FILES:
        path.write_text(text)
        ways.append(file.read(str(path)))
    assert [len(found) for found in ways] == [4, 3, 3, 3]
    for field in {name for fields in file.FIELDS.values() for name in fields}:
        assert f"{field}:" in "".join(FILES)


def test_the_letter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal on the page is word for word the one that its first file gives."""
    path = tmp_path / "credentials.yaml"
    path.write_text(FILES[0])
    monkeypatch.setenv("HOLDFAST_CREDENTIALS", str(path))
    with pytest.raises(NotAllowed) as refused:
        choosing.way(Scope("gcp", "pay-prod", "europe-west1"), Google)
    assert str(refused.value).replace(str(path), "/etc/holdfast/credentials.yaml") in PAGE


def test_what_wins() -> None:
    """The page's two examples of the most specific entry."""
    for scope, wins, loses in (
        (Scope("gcp", "shop-prod", "europe-west1"), ("shop-prod", "*"), ("*", "europe-west1")),
        (Scope("gcp", "shop-prod", "europe-west1"), ("shop-p*", "*"), ("shop-*", "*")),
    ):
        better, worse = Pattern("gcp", *wins), Pattern("gcp", *loses)
        assert str(better) in PAGE
        assert choosing.choose(scope, {worse: Google("worse"), better: Google("better")}) == Google("better")
