"""Runs `async def` tests that ask a target, where no other plugin does: pytest itself runs none."""

from __future__ import annotations

import asyncio
import inspect

import pytest


def run_async(item: pytest.Function) -> bool:
    """Runs the test in an event loop of its own; returns False for a test that is not asynchronous."""
    if not inspect.iscoroutinefunction(item.obj):
        return False
    names = item._fixtureinfo.argnames
    asyncio.run(item.obj(**{name: item.funcargs[name] for name in names}))
    return True
