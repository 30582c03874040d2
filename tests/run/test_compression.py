"""What a browser is sent, before any proxy compresses it."""

import gzip

import httpx

from tests.run.installation import Installation

BROWSER = {"accept-encoding": "gzip, deflate, br"}


def sent(running: Installation, path: str, **headers: str) -> tuple[httpx.Response, int]:
    """The answer and how many bytes its body took on the wire."""
    with httpx.stream("GET", f"{running.url}{path}", headers=BROWSER | headers) as answer:
        raw = b"".join(answer.iter_raw())
        return answer, len(raw)


def test_pages_and_their_files_are_compressed(running: Installation) -> None:
    for path in ("/", "/static/unfold/js/chart/chart.js", "/static/dashboard/site.css"):
        answer, on_the_wire = sent(running, path)
        whole = len(httpx.get(f"{running.url}{path}", headers={"accept-encoding": "identity"}).content)
        assert answer.headers["content-encoding"] == "gzip"
        assert on_the_wire < whole / 2, path


def test_what_has_not_changed_is_not_sent_again(running: Installation) -> None:
    answer, _ = sent(running, "/static/dashboard/site.css")
    known = {"if-modified-since": answer.headers["last-modified"]}
    again, on_the_wire = sent(running, "/static/dashboard/site.css", **known)
    assert (again.status_code, on_the_wire) == (304, 0)


def test_what_applications_ask_for_is_not_compressed(running: Installation) -> None:
    for path in ("/v1/models", "/health"):
        answer, _ = sent(running, path, **running.headers)
        assert answer.status_code == 200 and "content-encoding" not in answer.headers, path


def test_a_page_can_be_read_after_it(running: Installation) -> None:
    with httpx.stream("GET", f"{running.url}/", headers=BROWSER) as answer:
        assert b"NeuroRoute" in gzip.decompress(b"".join(answer.iter_raw()))
