"""For how long our own clock stood still, as the pulse tells it."""

import asyncio
import time

from messages_conformance.engine.loop_lag import BEAT_S, LoopLag

STALL_S = 5 * BEAT_S


async def stalled(*, turns_after: int) -> float:
    pulse = LoopLag()
    beating = asyncio.create_task(pulse.beat())
    await asyncio.sleep(0)
    began_s = time.monotonic()
    time.sleep(STALL_S)  # noqa: ASYNC251 (the stall is what is tested)
    for _ in range(turns_after):
        await asyncio.sleep(0)
    lag_s = pulse.lag_s(began_s)
    beating.cancel()
    return lag_s


def test_a_stall_is_known_after_the_beat_that_it_delayed():
    assert asyncio.run(stalled(turns_after=5)) > STALL_S / 2


def test_a_stall_is_known_before_the_beat_that_it_delays():
    assert asyncio.run(stalled(turns_after=0)) > STALL_S / 2
