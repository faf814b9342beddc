"""Plans from the store, kept while they are walked: a plan is fetched once a worker, not once an act."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

from holdfast.errors import Broken
from holdfast.plan import Action, Plan
from holdfast.store import Store

KEPT = 8  # plans; a worker walks few at a time


class Plans:
    """The actions of plans, by the plan's digest. Safe from any thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._raw: OrderedDict[str, dict[int, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def action(self, plan: str, seq: int) -> Action:
        """One action. Raises what the store raises, and `Broken` when the plan has no such action."""
        with self._lock:
            actions = self._raw.get(plan)
            if actions is None:
                actions = self._fetch(plan)
                self._raw[plan] = actions
            self._raw.move_to_end(plan)
            while len(self._raw) > KEPT:
                self._raw.popitem(last=False)
        if seq not in actions:
            raise Broken(f"the plan {plan} has no action {seq}")
        return Action.model_validate(actions[seq])

    def whole(self, plan: str) -> Plan:
        """The plan itself."""
        return Plan.model_validate(self._store.get(plan))

    def keep(self, plan: Plan) -> str:
        """Put a plan into the store; returns its digest."""
        return self._store.put(plan.model_dump(mode="json", exclude_defaults=True))

    def _fetch(self, plan: str) -> dict[int, Any]:
        value: Any = self._store.get(plan)
        return {int(action["seq"]): action for action in value.get("actions", ())}
