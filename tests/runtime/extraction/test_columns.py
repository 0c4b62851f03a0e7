"""A page means what the same records mean when they are posted."""

import numpy as np
import orjson
from hypothesis import given
from hypothesis import strategies as st

from proxy.runtime.extraction.columns import ingested
from proxy.runtime.ingest import Fields, ingest
from proxy.store.extraction.pages import ABSENT, Page

FIELDS = Fields("time", "epoch_ms", text=("who", "both"), numbers=("took", "both"))
NAMES = FIELDS.analysed
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=3)
    | st.sampled_from(["1.5", " 7 ", "x", "", "inf", "-0"])
)
VALUES = st.just(ABSENT) | SCALARS | st.lists(SCALARS, min_size=2, max_size=3)
RECORDS = st.lists(st.tuples(st.integers(0, 2**41), *[VALUES for _ in NAMES]))


def posted(records):
    lines = [
        orjson.dumps({"time": time} | {name: v for name, v in zip(NAMES, values, strict=True) if v is not ABSENT})
        for time, *values in records
    ]
    return ingest(b"\n".join(lines), FIELDS), sum(map(len, lines))


@given(RECORDS)
def test_a_page_is_the_same_batch_with_the_same_counts_as_posted_records(records):
    columns = {name: [record[1 + number] for record in records] for number, name in enumerate(NAMES)}
    extracted = ingested(Page([time for time, *_ in records], columns, 0), FIELDS)
    expected, size = posted(records)
    assert extracted.batch.time.tolist() == expected.batch.time.tolist()
    for name in FIELDS.text:
        ours, theirs = extracted.batch.text[name], expected.batch.text[name]
        assert (ours.values, ours.codes.tolist()) == (theirs.values, theirs.codes.tolist())
        assert ours.codes.dtype == theirs.codes.dtype
    for name in FIELDS.numbers:
        np.testing.assert_array_equal(extracted.batch.numbers[name], expected.batch.numbers[name])
    assert extracted.input_field_count == expected.input_field_count
    assert extracted.missing_field_count == expected.missing_field_count
    assert extracted.invalid_date_count == expected.invalid_date_count == 0
    assert extracted.input_bytes == size
