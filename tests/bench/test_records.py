from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from bench.records import RECORD_BYTES, make_template, object_id, version_of
from daemon.connectors.maximizer.resources import RESOURCES

STAMP = datetime(2026, 11, 24, 5, 6, 7, tzinfo=UTC)


@pytest.mark.parametrize("number", [0, 7, 4999, 10**12])
def test_a_record_has_two_kilobytes_and_only_fields_that_are_asked_for(number: int) -> None:
    row = make_template(15, number).row(12, STAMP)
    record = orjson.loads(row)
    assert len(row) == RECORD_BYTES
    assert record.keys() <= RESOURCES["contacts"].scope.keys()
    assert record["Key"] == object_id(15, number)
    assert record["LastModifyDate"] == "2026-11-24T05:06:07Z"
    assert version_of(record["Position"]) == 12


def test_a_new_version_differs_in_version_and_stamp_alone() -> None:
    template = make_template(1, 2)
    before = orjson.loads(template.row(1, STAMP))
    after = orjson.loads(template.row(2, STAMP + timedelta(seconds=1)))
    differing = {name for name in before if before[name] != after[name]}
    assert differing == {"Position", "LastModifyDate"}
