"""A disk without room: seen before a request is refused, and no reason for the shipper to end."""

import pytest

from tests.usage.conftest import Place
from tests.usage.stories import journal, stories
from usage import spool
from usage.models import RequestRecord
from usage.shipper import Shipper


def test_trying_to_write_leaves_nothing_behind(tmp_path) -> None:
    spool.try_to_write(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert spool.free_bytes(tmp_path) > 0


def test_a_spool_that_cannot_be_written_says_so(tmp_path) -> None:
    with pytest.raises(OSError):
        spool.try_to_write(tmp_path / "gone")


def test_what_cannot_be_noted_is_shipped_all_the_same_and_once(database: Place) -> None:
    journal(database.spool, stories(7))
    (database.spool / f"{spool.SHIPPED}.new").mkdir()  # stands in the way as a full disk would
    for _ in range(2):
        assert Shipper(database.spool).ship_or_wait() is not None
    assert RequestRecord.objects.count() == 7
