"""Room for open jobs: their number, the memory of their models, and the machine's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from proxy.runtime.capacity import Capacity, Ledger, Need, limit_of
from proxy.runtime.machine_memory import machine_bytes
from proxy.store.jobs import StoredJob

MB, GB = 1 << 20, 1 << 30
DEFAULT = 1024 * MB
CAPACITY = Capacity(jobs=3, memory_bytes=8 * GB)


@pytest.mark.parametrize(
    ("limit", "others", "has_room"),
    [
        (8 * GB, [], True),
        (8 * GB + 1, [], False),
        (4000 * GB, [], False),
        # Models count with what they weigh, not with what a default limit would allow them.
        (8 * GB - 2 * MB, [Need(DEFAULT, MB)] * 2, True),
        (8 * GB - MB, [Need(DEFAULT, MB)] * 2, False),
        (MB, [Need(DEFAULT, MB)] * 3, False),
        # Whoever asks for more than the default gets it.
        (4 * GB, [Need(4 * GB, MB)], True),
        (4 * GB + 1, [Need(4 * GB, MB)], False),
        (7 * GB, [Need(DEFAULT + 1, 0)], False),
        (7 * GB, [Need(DEFAULT, 0)], True),
    ],
)
def test_a_job_has_room_where_its_limit_fits_beside_what_the_others_keep(limit, others, has_room):
    ledger = Ledger()
    for number, other in enumerate(others):
        ledger.enter(str(number), Need(1, 2 * GB))
        ledger.enter(str(number), other)
    ledger.enter("gone", Need(8 * GB))
    ledger.enter("gone", None)
    ledger.enter("itself", Need(8 * GB))
    assert CAPACITY.has_room(limit, ledger.beside("itself")) is has_room


def test_the_limit_of_a_job_is_that_of_its_configuration():
    assert limit_of(StoredJob({"job_id": "j", "analysis_limits": {"model_memory_limit": "64mb"}}, 1, 1)) == 64 * MB
    assert limit_of(StoredJob({"job_id": "j"}, 1, 1)) == DEFAULT


def test_a_container_has_no_more_memory_than_it_is_allowed(tmp_path: Path):
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    allowed, unlimited, huge = (tmp_path / name for name in ("allowed", "unlimited", "huge"))
    allowed.write_text("536870912\n")
    unlimited.write_text("max\n")
    huge.write_text("9223372036854771712\n")
    assert machine_bytes([tmp_path / "absent", unlimited, huge]) == physical
    assert machine_bytes([unlimited, allowed]) == 512 * MB
    assert 0 < machine_bytes() <= physical
