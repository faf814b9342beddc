"""A rename moves what stands to its new address: the resource stays, and only its mark is rewritten."""

from __future__ import annotations

from collections.abc import Collection

from holdfast.errors import HoldfastError, InvalidInput, Refused
from holdfast.model import Address
from holdfast.planners.courses import Table, at
from holdfast.planners.places import Place


def rename(table: Table, unread: Collection[Address]) -> None:
    """Bring what stands under an old name to its new one, in places and ledger alike. What is unread keeps its name.

    A rename that was carried out already, or whose old name nothing stands at, says nothing.
    """
    for old, new in table.moved.items():
        if old in unread:
            continue
        stands = table.places.get(old)
        if stands is None or stands.current is None:
            if new in table.wanted and old in table.newest:
                # Its mark was rewritten by a run that did not live to tell the ledger.
                table.newest.setdefault(new, table.newest[old])
                table.came_from.setdefault(new, old)
            continue
        wrong = _wrong(table, old, new)
        if wrong is not None:
            table.errors.append(wrong)
            continue
        strangers = table.places[new].strangers if new in table.places else ()
        table.places[new] = stands
        table.places[old] = Place()
        # What is found at the new name may be the very thing that comes to it.
        stands.strangers += tuple(s for s in strangers if s.remote_id != stands.current.remote_id)
        table.came_from[new] = old
        if old in table.newest:
            table.newest[new] = table.newest[old]


def _wrong(table: Table, old: Address, new: Address) -> HoldfastError | None:
    """Why this rename cannot be, if it cannot."""
    if old.kind != new.kind:
        return InvalidInput(f"it cannot become {new}: that is another kind", address=old)
    if old in table.wanted:
        still = f"the document still names it{at(table.wanted[old])}"
        return InvalidInput(f"it shall move to {new}, and {still}", address=old)
    if new not in table.wanted:
        return InvalidInput(f"it shall move to {new}, which the document does not name", address=old)
    there = table.places.get(new)
    if there is not None and there.current is not None:
        return Refused(
            f"it shall move to {new}, where {there.current.remote_id} stands already",
            address=old,
            standing="both stand; neither was touched",
            next="remove one of the two, or the line under `moved`",
        )
    return None
