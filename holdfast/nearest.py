"""The name that somebody probably meant: near in its letters, longer by a word, or shortened to what was said."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

_ALIKE = 0.8  # so near in its letters that it is a slip of the hand, whatever else it may be
_WORDS = re.compile(r"[._-]")


def nearest(name: str, among: Iterable[str]) -> str | None:
    """The valid name that is meant, if any is near.

    `aws.vpc` for `aws.vcp`, `aws.s3_bucket` for `aws.bucket`, `azure.virtual_machine` for `azure.vm`.

    Of a kind, the names of its own cloud are compared, where there are any, and without the cloud: else two would be
    alike for that alone.
    """
    said, valid = name.casefold(), {one.casefold(): one for one in among}
    if slip := difflib.get_close_matches(said, valid, n=1, cutoff=_ALIKE):
        return valid[slip[0]]
    cloud, dot, _ = said.partition(".")
    own = {key: one for key, one in valid.items() if dot and key.startswith(f"{cloud}.")} or valid
    cut = len(cloud) + 1 if own is not valid else 0
    tails = {key[cut:]: one for key, one in own.items()}
    said = said[cut:]
    fitting = [tail for tail in tails if _shortens(said, tail) or _is_part(said, tail)]
    if fitting:
        return tails[min(fitting, key=lambda tail: (not _shortens(said, tail), len(tail), tail))]
    close = difflib.get_close_matches(said, tails, n=1)
    return tails[close[0]] if close else None


def _shortens(said: str, name: str) -> bool:
    """Whether it is a beginning of every word of a name: `vm`, `virt_mach` and `vmachine` of `virtual_machine`."""
    letters, words = _WORDS.sub("", said), [word for word in _WORDS.split(name) if word]
    rests = {letters}
    for word in words:
        rests = {
            rest[n:] for rest in rests for n in range(1, min(len(rest), len(word)) + 1) if word.startswith(rest[:n])
        }
    return len(words) > 1 and "" in rests


def _is_part(said: str, name: str) -> bool:
    """Whether it is some of the words of a name: `bucket` of `s3_bucket`."""
    wanted, words = _WORDS.split(said), _WORDS.split(name)
    return any(words[at : at + len(wanted)] == wanted for at in range(len(words)))
