"""A disk without room: seen before a request is refused, and no reason for the shipper to end."""

import resource
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from tests.usage.conftest import Place
from tests.usage.stories import journal, stories
from usage import spool
from usage.errors import JournalUnavailable
from usage.journal import REST_S, Journal
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


@contextmanager
def no_room() -> Iterator[None]:
    """No file may grow."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_after_a_failure_nobody_is_asked_until_it_is_tried_again(tmp_path) -> None:
    told, late = stories(2)
    with closing(Journal(tmp_path, "web")) as writing:
        writing.begin(told)
        with no_room():
            with pytest.raises(JournalUnavailable):
                writing.write(told)
            with pytest.raises(JournalUnavailable):  # though its slot would have room
                writing.begin(late)
        time.sleep(REST_S)
        writing.begin(late)
        writing.write(late)
