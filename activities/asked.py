"""What a visit has asked of its cloud, and what it heard: the same at every door."""

from __future__ import annotations

from collections.abc import Callable


def _nothing() -> None:
    """What is done before a request of a visit that nobody may let go."""


class Asked:
    """Told by a door of each request that leaves and each answer that arrives. Several threads may tell it."""

    def __init__(self) -> None:
        self._requests: list[str] = []
        self._calls: list[bool] = []  # whether each may change something; appended to, since several threads do
        self._was_refused = False
        self.answered = True
        self.before_asking: Callable[[], None] = _nothing

    @property
    def requests(self) -> tuple[str, ...]:
        """The cloud's request ids so far, oldest first."""
        return tuple(self._requests)

    @property
    def calls(self) -> int:
        """How many requests were made; those for a token are not among them."""
        return len(self._calls)

    @property
    def untouched(self) -> bool:
        """Whether nothing can have come of it: no request that may change something has left, or one, which was the
        last, and which the cloud itself refused.
        """
        changes = sum(self._calls)
        return changes == 0 or (changes == 1 and self._calls[-1] and self.answered and self._was_refused)

    def asks(self, *, changes: bool) -> None:
        """A request leaves, which may change something, or only reads. Raises what `before_asking` does: then none has.

        That is raised in the middle of an SDK, whose every `except Exception` it has to pass.
        """
        self.before_asking()
        self._calls.append(changes)
        self.answered = self._was_refused = False

    def hears(self, request: str = "", *, refused: bool, answered: bool = True) -> None:
        """An answer has arrived, with the cloud's id for the request where it gives one.

        `answered`: by the cloud itself, and not by something on the way to it.
        """
        self.answered, self._was_refused = answered, refused
        if request:
            self._requests.append(request)
