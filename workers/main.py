"""A worker as a process: serves its queues until it is told to stop, then drains and leaves."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

import structlog

from holdfast.contract import Exit
from holdfast.errors import HoldfastError, NotFound, Unavailable
from workers.composition import ready, serve, served
from workers.connecting import connect, unserved
from workers.logs import set_up
from workers.settings import Settings

log = structlog.get_logger()


async def _serve(names: Sequence[str], settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    client = await connect()
    queues = served(names, client, settings)
    log.info("worker.started", queues=[q.queue for q in queues], pid=os.getpid())
    try:
        await serve(client, queues, settings.threads, stop.wait)
    except RuntimeError as error:
        raise await unserved(client, error) from error
    log.info("worker.drained")


def run(names: Sequence[str]) -> NoReturn:
    """Serve the named queues. Never returns: leaves the process with an exit code."""
    code = Exit.done
    try:
        settings = Settings.read()
        set_up(settings.log)
        ready(names, settings)  # before Temporal is asked: that it does not answer would hide what is wrong here
        asyncio.run(_serve(names, settings))
    except HoldfastError as error:
        sys.stderr.write(f"{error}\n")
        code = _code(error)
    sys.stdout.flush()
    sys.stderr.flush()
    # Not `sys.exit`: tearing the interpreter down under the SDK's native core may crash (SIGABRT, SIGSEGV).
    os._exit(code)


def _code(error: HoldfastError) -> Exit:
    match error:
        case Unavailable():
            return Exit.unavailable
        case NotFound():
            return Exit.not_found
        case _:
            return Exit.input
