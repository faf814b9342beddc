"""A stack whose outputs another stack reads says so, and is not taken down under it."""

from __future__ import annotations

import json

from holdfast.contract import Operation, State
from tests.engine.harness import Engine, document, thing


def _reader(name: str, of: str) -> str:
    return document(name, {"app": thing(uses=[f"${{stack.{of}.outputs.net}}"])})


async def test_a_stack_that_is_read_stays(shop: Engine) -> None:
    """`down` of a stack whose output another one reads is refused, by name, and touches nothing."""
    reader = f"{shop.stack}-b"
    await shop.up(shop.doc({"net": "${net.id}"}, net=thing()))
    made = await shop.ended(await shop.submit(Operation.up, _reader(reader, shop.stack), stack=reader), reader)
    assert made.state is State.done, made.cause
    report = await shop.down()
    assert report.state is State.refused
    assert report.cause is not None
    assert (report.cause.error, reader in report.cause.happened) == ("InUse", True)
    assert shop.cloud.standing == "app net"


async def test_a_stack_that_is_no_longer_read_goes(shop: Engine) -> None:
    """Once the other stack is down, or does without the output, nothing holds this one."""
    for n, rest in enumerate((None, json.loads(document("x", {"app": thing(), "more": thing()})))):
        reader = f"{shop.stack}-r{n}"
        await shop.up(shop.doc({"net": "${net.id}"}, net=thing()))
        await shop.ended(await shop.submit(Operation.up, _reader(reader, shop.stack), stack=reader), reader)
        if rest is None:
            ticket = await shop.submit(Operation.down, stack=reader)
        else:
            ticket = await shop.submit(Operation.up, json.dumps(rest | {"stack": reader}), stack=reader)
        assert (await shop.ended(ticket, reader)).state is State.done
        report = await shop.down()
        assert report.state is State.done, report.cause


async def test_a_reader_that_was_taken_back_is_none(shop: Engine) -> None:
    """A run that read an output and was undone leaves nothing that needs it."""
    reader = f"{shop.stack}-b"
    await shop.up(shop.doc({"net": "${net.id}"}, net=thing()))
    shop.cloud.refuse("create", "app")
    made = await shop.ended(await shop.submit(Operation.up, _reader(reader, shop.stack), stack=reader), reader)
    assert made.state is State.undone
    assert (await shop.down()).state is State.done
