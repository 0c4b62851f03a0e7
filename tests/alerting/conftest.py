"""A real Alertmanager between what is tested and a receiver."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.alerting.alertmanager import CONFIG, Alertmanager, installed
from tests.alerting.receiver import receiving


@pytest.fixture
async def circle(loop, tmp_path) -> AsyncIterator[tuple]:
    """A real Alertmanager and the receiver that it tells."""
    program = installed()
    async with receiving() as receiver:
        (tmp_path / "config.yml").write_text(CONFIG.format(url=f"{receiver.url}/told"))
        alertmanager = Alertmanager(program, tmp_path)
        await alertmanager.start()
        yield alertmanager, receiver
        await alertmanager.kill()
