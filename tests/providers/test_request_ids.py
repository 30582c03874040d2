"""The id by which an upstream knows a call, whatever its header is called."""

import pytest

from providers.wire.requestids import LONGEST, request_id_of


@pytest.mark.parametrize(
    "name", ["x-request-id", "X-Request-ID", "X-Request-Id", "request-id", "apim-request-id", "x-amzn-RequestId"]
)
def test_it_is_found_by_each_usual_name(name: str) -> None:
    assert request_id_of([(b"Date", b"today"), (name.encode(), b"req_1"), (b"x", b"y")]) == "req_1"


def test_there_may_be_none_and_a_long_one_is_cut() -> None:
    assert request_id_of([(b"Date", b"today"), (b"x-request-id", b"")]) is None
    assert request_id_of([(b"request-id", b"r" * 1000)]) == "r" * LONGEST
