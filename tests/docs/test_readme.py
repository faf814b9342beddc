"""The front page shows a document that is right."""

from __future__ import annotations

import re

from holdfast.document import bind_text
from tests.cloud import ROOT
from workers.catalog import catalog


def test_the_readmes_document_is_right() -> None:
    """A newcomer who copies the twenty lines of the README has a document that can be brought up."""
    (text,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(text.splitlines()) <= 20
    assert len(bind_text(text, "README.md", catalog()).resources) == 5
