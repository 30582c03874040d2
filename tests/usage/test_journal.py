"""An outcome that was written is there, whatever happens to the process."""

import signal
import threading

import pytest

from tests.usage.conftest import Place
from tests.usage.stories import journal, stories
from usage import segments, spool
from usage.journal import Journal
from usage.rowlog import BrokenSegment, RowWriter, heads, rows
from usage.segments import WRITER

PROCESS = ("-m", "tests.usage.processes")


def test_written_outcomes_are_read_back_whole(place: Place) -> None:
    told = stories(30)
    journal(place.spool, told)

    found = {outcome.id: outcome for outcome in spool.waiting(place.spool)}

    assert [found[one.id].attempts for one in told] == [one.attempts for one in told]
    assert [found[one.id].decision is None for one in told] == [one.decision is None for one in told]
    assert bytes(found[told[0].id].features or b"") == b'{"category":"chat"}'


def test_a_killed_process_loses_nothing_that_it_had_written(place: Place) -> None:
    process = place.start(*PROCESS, "write")
    assert process.stdout
    written = [process.stdout.readline().strip() for _ in range(700)]
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read()  # `communicate` would not look into the buffer that `readline` has filled
    process.communicate(timeout=60)

    kept = {outcome.id for outcome in spool.waiting(place.spool)}
    acknowledged = {*written, *(line for line in rest.splitlines() if len(line) == 32)}

    assert len(acknowledged) >= 700
    assert acknowledged <= kept
    assert len(kept) - len(acknowledged) <= 1  # the one that was written and not yet printed
    assert all(segment.complete for segment in segments.listing(place.spool))


def test_a_full_disk_is_said_and_ends_with_the_disk(place: Place) -> None:
    lines = place.run(*PROCESS, "write_on_a_full_disk").splitlines()
    written = [line for line in lines if len(line) == 32]

    assert sum(line.startswith("unavailable The journal cannot be written") for line in lines) == 20
    assert len(written) == 20
    assert sorted(outcome.id for outcome in spool.waiting(place.spool)) == sorted(written)


def test_a_segment_that_takes_no_row_is_left_for_a_new_one(place: Place) -> None:
    first, second = stories(2)
    writer = Journal(place.spool, "test")
    writer.write(first)
    assert writer._segment
    writer._segment.close()  # as if its disk had failed
    writer.write(second)
    writer.close()

    assert [outcome.id for outcome in spool.waiting(place.spool)] == [first.id, second.id]
    assert len(segments.listing(place.spool)) == 2


def test_what_a_killed_writer_left_behind_its_last_whole_row_is_no_row(place: Place) -> None:
    journal(place.spool, stories(3))
    (segment,) = segments.listing(place.spool)
    whole = segment.path.read_bytes()
    (_, second, third) = [row.position for row in rows(segment.path)]
    for cut in range(second, third):
        segment.path.write_bytes(whole[:cut])
        assert [row.position for row in rows(segment.path)][-1] == second
        assert [position for position, _ in heads(segment.path)][-1] == second
    end = RowWriter(segment.path)
    end.append(1.0, b"after it")
    end.close()
    assert [row.body for row in rows(segment.path, second)] == [b"after it"]


def test_what_is_no_row_is_said(place: Place) -> None:
    journal(place.spool, stories(2))
    (segment,) = segments.listing(place.spool)
    with segment.path.open("ab") as file:
        file.write(b"SQLite format 3\0")
    with pytest.raises(BrokenSegment, match="no row begins at byte"):
        list(rows(segment.path))
    assert spool.backlog(place.spool).rows == 2


def test_only_the_newest_segment_of_a_living_writer_is_incomplete(place: Place) -> None:
    writer = Journal(place.spool, "test", rows_per_segment=10)
    for outcome in stories(25):
        writer.write(outcome)

    assert [segment.complete for segment in segments.listing(place.spool)] == [True, True, False]
    writer.close()
    assert [segment.complete for segment in segments.listing(place.spool)] == [True, True, True]


def test_a_quiet_writer_moves_on_after_a_while(place: Place) -> None:
    writer = Journal(place.spool, "test", seconds_per_segment=0)
    for outcome in stories(3):
        writer.write(outcome)
    writer.close()

    assert len(segments.listing(place.spool)) == 4


def test_threads_of_a_process_share_a_journal(place: Place) -> None:
    writer, told = Journal(place.spool, "test", rows_per_segment=40), stories(200)
    threads = [threading.Thread(target=lambda part=part: [writer.write(o) for o in told[part::4]]) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()

    assert {outcome.id for outcome in spool.waiting(place.spool)} == {outcome.id for outcome in told}


def test_only_dead_writers_are_swept(place: Place) -> None:
    living, dead = Journal(place.spool, "living"), Journal(place.spool, "dead")
    dead.close()
    for segment in segments.listing(place.spool):
        segment.path.unlink()
    assert [writer.partition("-")[0] for writer in segments.dead_writers(place.spool)] == ["dead"]

    assert [path.name.partition("-")[0] for path in place.spool.glob(f"*{WRITER}")] == ["living"]
    living.close()


def test_the_backlog_is_counted_from_the_marks_on(place: Place) -> None:
    assert spool.backlog(place.spool) == spool.Backlog()
    journal(place.spool, stories(10))
    (segment,) = segments.listing(place.spool)
    ends = [row.position for row in rows(segment.path)]
    spool.note_shipped(place.spool, {segment.name: ends[3]})

    waiting = spool.backlog(place.spool)
    assert waiting.rows == 6
    assert 0 <= waiting.oldest_age_s < 60

    spool.note_shipped(place.spool, {segment.name: ends[9]})
    assert spool.backlog(place.spool) == spool.Backlog(0, 0.0)


@pytest.mark.parametrize("name", ["with space", "percent%20", "question?", "hash#"])
def test_any_directory_will_do(place: Place, name: str) -> None:
    journal(place.var / name, stories(2))

    assert spool.backlog(place.var / name).rows == 2
