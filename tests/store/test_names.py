"""What may stand in the name of an alias."""

from __future__ import annotations

import pytest

from proxy.config_loading import load_config
from proxy.errors import MlError
from proxy.store.names import Names

NAMES = Names(load_config(environ={}).indices)


@pytest.mark.parametrize("job_id", ["a", "7", "a.b_c-d", "response-times"])
def test_a_job_has_an_alias_to_read_and_one_to_write(job_id):
    assert NAMES.read_alias(job_id) == f".ml-anomalies-{job_id}"
    assert NAMES.write_alias(job_id) == f".ml-anomalies-.write-{job_id}"


@pytest.mark.scenario(14)
@pytest.mark.parametrize("job_id", ["", "*", "a*", "a,b", "a/b", "a/../b", "..", "-a", "a-", "A", "<a>", "a b", "a\n"])
def test_what_no_job_can_be_called_has_none(job_id):
    for alias in (NAMES.read_alias, NAMES.write_alias):
        with pytest.raises(MlError) as refused:
            alias(job_id)
        assert refused.value.status == 404
