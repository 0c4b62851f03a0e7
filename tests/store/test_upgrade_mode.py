"""Upgrade mode is changed by one request at a time."""

from __future__ import annotations

import asyncio

import pytest

from proxy.errors import MlError
from proxy.store.upgrade_mode import UpgradeMode


async def test_a_change_while_another_goes_on_is_refused(loop, store_client, names, make_index):
    make_index(names.config, "config", names.config_alias)
    mode = UpgradeMode(store_client, names)
    first = asyncio.create_task(mode.set(True))
    await asyncio.sleep(0)
    with pytest.raises(MlError) as refused:
        await mode.set(False)
    assert (refused.value.status, refused.value.type) == (429, "status_exception")
    assert refused.value.reason == "Cannot change [upgrade_mode]. Previous request is still being processed."
    await first
    await mode.set(True)
    assert await mode.is_on()
