"""Print the part of `requirements.lock` that some extras need, hashes and all.

    python tools/locked.py aws local        # the core, and these two extras
    python tools/locked.py --all            # everything

pip's `--require-hashes` wants a hash for every requirement it is given, and installs every one of them: with one lock
for all extras, a first evening would download the SDKs of three clouds. The lock says of each entry why it is there
(`# via`), and this follows those notes from the extras' own requirements in `pyproject.toml`. A note does not say with
which of its extras the parent was asked for, so at worst an entry too many is printed, never one too few.

Only the standard library: this runs before anything is installed.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = "build"  # the group that every install needs: what builds this project itself


def canonical(requirement: str) -> str:
    """The name in a requirement, as PEP 503 compares names."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    if found is None:
        raise SystemExit(f"cannot read a name from {requirement!r}")
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def wanted(project: dict[str, dict[str, list[str]]], groups: dict[str, list[str]], extras: list[str]) -> set[str]:
    """The names asked for by the core, the build group and the extras, following an extra that names others."""
    known = project["optional-dependencies"]
    names = {canonical(line) for line in [*project["dependencies"], *groups[BUILD]]}
    todo, seen = list(extras), set[str]()
    while todo:
        extra = todo.pop()
        if extra in seen:
            continue
        if extra not in known:
            raise SystemExit(f"no extra is called {extra!r}; there are: {', '.join(sorted(known))}")
        seen.add(extra)
        for line in known[extra]:
            if canonical(line) == "holdfast":
                todo += re.findall(r"[\w-]+", line.partition("[")[2].partition("]")[0])
            else:
                names.add(canonical(line))
    return names


def entries(lock: str) -> list[tuple[str, set[str], str]]:
    """Each entry of the lock: its name, the names that asked for it, and its text."""
    blocks = re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE)[1:]
    return [
        (canonical(block), {canonical(via) for via in re.findall(r"^ +# +(?:via )?(\S+)", block, re.MULTILINE)}, block)
        for block in blocks
    ]


def main(arguments: list[str]) -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        document = tomllib.load(file)
    project = document["project"]
    extras = list(project["optional-dependencies"]) if arguments == ["--all"] else arguments
    names = wanted(project, document["dependency-groups"], extras)
    locked = entries((ROOT / "requirements.lock").read_text(encoding="utf-8"))
    if missing := names - {name for name, _, _ in locked}:
        raise SystemExit(f"requirements.lock does not hold {', '.join(sorted(missing))}; run `make lock`")
    while more := {name for name, via, _ in locked if name not in names and via & names}:
        names |= more
    sys.stdout.write("".join(text for name, _, text in locked if name in names))


if __name__ == "__main__":
    main(sys.argv[1:])
