"""The rows of the fault list: what the upstream does, and what must come of it when it stands alone.

With a healthy fallback a refusal becomes the fallback's answer; what is answered or cut when alone stays as it is.
"""

from email.utils import formatdate
from typing import Any

from msgspec import Struct, structs

from providers.sandbox.testing import Step
from tests.faults.expecting import PRIMARY_TEXT, Expect, answered, interrupted, passed_on, refused

EMOJI = "Zoë 👩‍👩‍👧 Ω and the end."
BAD = refused(502, "upstream_bad_response")
GONE = refused(502, "upstream_unreachable")
NOBODY = refused(502, "upstream_unreachable", calls=(0, 0))
LATE = refused(504, "upstream_timeout", closed=True)
BUSY = refused(503, "upstream_overloaded", retry_after=(1, 300))
OK = answered()
CUT = interrupted()
QUICK = {"first_byte": 1, "first_token": 1, "stall": 1, "total": 4}
PATIENT = {"first_byte": 3, "first_token": 3, "stall": 3, "total": 4}  # so that only the total can run out


class Row(Struct, frozen=True):
    """`whole` and `stream` say what comes of it alone; `place` is where its base URL leads."""

    number: int
    name: str
    step: Step
    whole: Expect
    stream: Expect
    limits: dict[str, float] = {}
    place: str = "sandbox"
    lasting: bool = True  # each further call fails in the same way
    retries: int = 0
    context: int = 128_000
    fallback: Expect | None = None  # where it is not the alone's

    def expectation(self, stream: bool, fallback: bool) -> Expect:
        alone = self.stream if stream else self.whole
        if not fallback:
            return alone
        if alone.by or alone.cut:
            return self.fallback or alone
        return self.fallback or passed_on(calls=alone.calls, closed=alone.closed)


def fault(name: str, text: str = PRIMARY_TEXT, **options: Any) -> Step:
    return Step(fault=name, text=text, **options)


def row(number: int, name: str, step: Step, whole: Expect, stream: Expect | None = None, **more: Any) -> Row:
    return Row(number, name, step, whole, whole if stream is None else stream, **more)


def streamed(step: Step) -> Step:
    """The same fault in a stream that nobody asked for, where the caller wants a whole answer."""
    return structs.replace(step, streams=True)


def in_streams(number: int, name: str, whole: Expect, stream: Expect | None = None, **more: Any) -> Row:
    """A fault that only streams can have."""
    options = {key: more.pop(key) for key in list(more) if key in Step.__struct_fields__}
    return row(number, name, streamed(fault(name, **options)), whole, stream, **more)


def limited(value: str | float) -> Row:
    """429 in all the ways in which it can say when to come back: never waited for in vain, never told for long."""
    once = refused(429, "upstream_rate_limited", calls=(1, 3), retry_after=(1, 300))
    name = "".join(letter for letter in str(value).lower() if letter.isalnum())[:12]
    other = passed_on(calls=(1, 1))
    return row(8, f"429_{name}", fault("429", retry_after=value), once, limits={"total": 30}, fallback=other)


WAITED = answered(calls=(2, 2))
ROWS = (
    row(1, "dns_unknown", Step(), NOBODY, place="unknown"),
    row(1, "dns_broken", Step(), NOBODY, place="broken"),
    row(1, "dns_slow", Step(), NOBODY, place="slow", limits={"connect": 1}),
    row(2, "refused", Step(), NOBODY, place="refusing"),
    row(2, "reset", fault("reset"), GONE),
    row(3, "black_hole", Step(), NOBODY, place="swallowing", limits={"connect": 1}),
    row(4, "tls_expired", Step(), NOBODY, place="expired", retries=2),
    row(4, "tls_wrong_host", Step(), NOBODY, place="wrong_host", retries=2),
    row(4, "tls_self_signed", Step(), NOBODY, place="self_signed", retries=2),
    row(5, "hang", fault("hang"), LATE, limits=QUICK),
    row(6, "hang_first_token", fault("hang_first_token"), LATE, limits=QUICK),
    row(7, "429_retry_after", fault("429", retry_after=1), WAITED, lasting=False, retries=1,
        fallback=passed_on(calls=(1, 1))),
    row(7, "429_for_long", fault("429", retry_after=60),
        refused(429, "upstream_rate_limited", retry_after=(30, 60)), retries=2),
    *map(limited, (formatdate(0, usegmt=True), formatdate(4e9, usegmt=True), "-5", "soon", "1000000000")),
    row(9, "quota", fault("429-quota"), refused(502, "upstream_quota_exhausted"), retries=2),
    row(10, "500_once", fault("500"), WAITED, lasting=False, retries=1, fallback=passed_on(calls=(1, 1))),
    row(11, "401", fault("401"), refused(502, "upstream_auth"), retries=2),
    row(11, "403", fault("403"), refused(502, "upstream_auth"), retries=2),
    row(12, "context", fault("context_length"), refused(400, "context_length_exceeded"), context=8_000, retries=2),
    row(13, "html", fault("html"), BAD),
    row(13, "empty", fault("empty"), BAD),
    row(14, "malformed", fault("malformed"), BAD),
    row(14, "malformed_later", fault("malformed", after=4), BAD, CUT),
    row(14, "missing_choices", fault("missing_choices"), BAD),
    row(14, "wrong_types", fault("wrong_types"), BAD),
    row(15, "gzip_truncated", fault("gzip_truncated"), BAD),
    row(15, "gzip_false", fault("gzip_false"), BAD),
    row(15, "gzip_bomb", fault("gzip_bomb"), BAD),
    row(16, "length_long", fault("length_long"), GONE, OK),  # a stream is complete at its end mark
    # What is left over on its connection would meet another cell's call (test_connections.py says what comes of that).
    row(16, "length_short", fault("length_short"), BAD, CUT, place="aside"),
    row(17, "cut_before", fault("cut_before"), GONE),
    row(18, "cut_mid", fault("cut_mid"), GONE, CUT),
    in_streams(19, "eof_no_finish", BAD, CUT),
    in_streams(20, "error_in_stream_before", BUSY),
    in_streams(21, "error_in_stream_after", BUSY, CUT),
    row(21, "error_in_200", fault("error_in_200"), BUSY, CUT),
    row(22, "stall", fault("stall_mid"), LATE, interrupted(closed=True), limits=QUICK),
    row(22, "drip", fault("slow_drip", seconds=0.05), LATE, limits=QUICK),
    row(22, "slow_tokens", fault("slow_tokens", seconds=0.7), OK, interrupted(closed=True),
        limits=PATIENT),
    row(23, "endless_line", fault("endless_line"), refused(502, "upstream_bad_response", closed=True)),
    row(23, "endless_line_later", fault("endless_line", after=4),
        refused(502, "upstream_bad_response", closed=True), interrupted(closed=True)),
    row(23, "big_line", fault("big_line", after=4), OK, CUT),  # a whole answer may have 32 MB
    row(24, "split_utf8", fault("split_utf8", EMOJI), answered(EMOJI)),
    row(24, "escapes", fault("ascii_escapes", EMOJI), answered(EMOJI)),
    row(24, "nul", Step(text="a\0b"), answered("a\0b")),
    row(24, "invalid_utf8", fault("invalid_utf8", "abc"), answered("\ufffd\ufffdabc")),
    row(24, "lone_surrogate", fault("lone_surrogate", "abc"), answered("\ufffdabc")),
    in_streams(25, "no_done", OK),
    in_streams(25, "done_twice", OK),
    row(25, "open_after_end", fault("open_after_end"), OK, answered(closed=True)),
    *(in_streams(26, name, OK)
      for name in ("crlf", "cr", "bom", "many_lines", "comments", "other_fields", "no_space")),
    row(27, "bad_usage", fault("bad_usage"), OK),
    row(27, "no_usage", fault("no_usage"), OK),
    in_streams(27, "usage_twice", OK),
    in_streams(28, "json_for_stream", OK),
    row(28, "sse_for_json", fault("sse_for_json"), OK),
    in_streams(29, "role_twice", OK),
    in_streams(29, "empty_deltas", OK),
    row(33, "redirect", fault("redirect"), BAD),
    row(34, "interim", fault("interim"), OK),
    row(34, "trailers", fault("trailers"), OK),
    row(34, "http10", fault("http10"), OK),
    row(35, "wrong_model", fault("wrong_model"), OK),
    row(35, "odd_head", fault("odd_head"), OK),
)  # fmt: skip
