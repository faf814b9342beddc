"""What a process knows of kinds, and when it reads them."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from holdfast.catalog import Catalog, Kind
from holdfast.errors import Broken, InvalidInput
from holdfast.testing.sim import KINDS
from tests.document.kinds import Image, Net

ROOT = Path(__file__).parents[2]


class Shelf:
    """The simulated kinds, read when somebody asks; `reads` counts how often."""

    def __init__(self) -> None:
        self.reads = 0

    def __call__(self) -> Iterator[Kind]:
        self.reads += 1
        yield from (kind() for kind in KINDS)


def test_a_clouds_kinds_are_read_once_when_one_is_asked_for() -> None:
    shelf = Shelf()
    known = Catalog([Net(), Image()], {"sim": shelf})
    assert known.clouds == {"aws", "sim"}
    assert Net.kind in known
    assert known.looks_up(Image.kind)
    assert shelf.reads == 0
    assert KINDS[0].kind in known
    assert {k.kind for k in known} == {Net.kind, *(k.kind for k in KINDS)}
    assert shelf.reads == 1


def test_the_nearest_name_is_sought_among_all_clouds() -> None:
    with pytest.raises(InvalidInput, match=r"no kind 'aws\.vcp'") as refused:
        Catalog(later={"aws": lambda: [Net(), Image()], "sim": Shelf()})["aws.vcp"]
    assert refused.value.letter.next == "did you mean aws.vpc?"
    with pytest.raises(InvalidInput, match="can be looked up") as refused:
        Catalog(later={"aws": lambda: [Net(), Image()]}).data("amazon.image")
    assert refused.value.letter.next == "did you mean aws.image?"


@pytest.mark.parametrize("again", [{"sim": Shelf()}, {"sim": lambda: [KINDS[0](), KINDS[0]()]}])
def test_a_kind_is_declared_once(again: dict[str, Any]) -> None:
    """Also by a cloud that is read later, and then each time it is asked for: half of it is not known."""
    known = Catalog([KINDS[0]()] if isinstance(again["sim"], Shelf) else [], again)
    for _ in range(2):
        with pytest.raises(Broken, match="declared twice"):
            known["sim.token"]


def test_whoever_asks_meanwhile_waits() -> None:
    """A catalog is one for all threads of a worker."""
    begun = Barrier(8)

    def slowly() -> Iterator[Kind]:
        for kind in KINDS:
            time.sleep(0.01)
            yield kind()

    known = Catalog(later={"sim": slowly})

    def ask(number: int) -> str:
        begun.wait(5)
        return known[KINDS[number % len(KINDS)].kind].kind

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(8))) == [KINDS[n % len(KINDS)].kind for n in range(8)]


def test_a_document_of_one_cloud_reads_the_kinds_of_no_other() -> None:
    code = (
        "import sys; from holdfast.document import bind_text; from workers.catalog import catalog;"
        "from pathlib import Path; bind_text(Path('examples/shop.yaml').read_text(), 'shop.yaml', catalog(), {});"
        "print(sorted({m.split('.')[2] for m in sys.modules if m.startswith('activities.providers.')}))"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.strip() == "['aws']"
