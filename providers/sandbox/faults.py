"""Every fault that the sandbox can have: its name, what it does, and which case of the fault list it stands for."""

from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

from providers.sandbox import edits, lines, payloads, transfers
from providers.sandbox.drafts import Draft
from providers.sandbox.steps import Step


class Fault(Struct, frozen=True):
    """`edit` changes the draft of a healthy answer; `cases` number the fault list, with an S the yardstick."""

    name: str
    does: str
    edit: Callable[[Draft, Step], None]
    cases: str = ""
    only_stream: bool = False


_ALL: Final = (
    Fault(
        "429",
        "Rate limit, with Retry-After where `retry_after` is given",
        edits.status("rate_limit", 429),
        "7 8 S01 S02",
    ),
    Fault(
        "429-quota",
        "No money left: 429 insufficient_quota, at Anthropic 402 billing_error",
        edits.status("quota", 429),
        "9",
    ),
    Fault("400", "The request is refused as invalid", edits.status("invalid", 400)),
    Fault("401", "Our credential is rejected", edits.status("auth", 401), "11"),
    Fault("403", "Our credential may not do this", edits.status("forbidden", 403), "11"),
    Fault("404", "The model does not exist", edits.status("not_found", 404)),
    Fault("408", "Request timeout", edits.status("timeout", 408), "10"),
    Fault("500", "Internal error", edits.status("server", 500), "10 S03"),
    Fault("502", "Bad gateway", edits.status("server", 502), "10"),
    Fault(
        "503", "Unavailable, with Retry-After where `retry_after` is given", edits.status("unavailable", 503), "10 S04"
    ),
    Fault("504", "Gateway timeout", edits.status("timeout", 504), "10"),
    Fault("529", "Overloaded", edits.status("overloaded", 529), "10"),
    Fault("context_length", "400: the prompt does not fit", edits.status("context", 400), "12 S12"),
    Fault(
        "content_filter",
        "The content filter refuses the prompt: 400, at Gemini an answer without candidates",
        edits.blocked,
        "S13",
    ),
    Fault(
        "content_filter_finish", "The answer ends early with the finish reason content_filter", edits.filtered, "S13"
    ),
    Fault("no_prefill", "A beginning of the answer, as the last message, is refused: 400", edits.no_prefill, "S14"),
    Fault("html", "200 with an HTML page", edits.html, "13"),
    Fault("empty", "200 with an empty body", edits.empty, "13"),
    Fault("malformed", "JSON that breaks off; in a stream, one event (`after` good ones)", edits.malformed, "14 S10"),
    Fault("missing_choices", "An answer, or a stream's first content, without its answer field", edits.hollow, "14"),
    Fault("redirect", "302 to another place", edits.redirect, "33"),
    Fault("hang", "Accepts, then sends nothing, not even headers", edits.hang, "5 S06"),
    Fault("reset", "TCP reset before the headers", edits.reset, "2 S05"),
    Fault("slow_headers", "Headers come after `seconds` (2)", edits.slow_headers, "5"),
    Fault("hang_first_token", "Headers, then nothing, or the answer after `seconds`", edits.hang_first_token, "6 S07"),
    Fault("cut_before", "Headers, then the connection closes", edits.cut_before, "17"),
    Fault(
        "cut_mid", "The connection closes mid-answer (`after` content events, half of them)", edits.cut_mid, "18 S08"
    ),
    Fault("stall_mid", "The answer stops midway, for `seconds` or for good", edits.stall_mid, "22 S09"),
    Fault("slow_drip", "One byte every `seconds` (0.2)", edits.slow_drip, "22"),
    Fault("eof_no_finish", "A clean end without a finish reason", edits.eof_no_finish, "19", only_stream=True),
    Fault("no_done", "A finish reason, but no end mark", edits.no_done, "25 S11", only_stream=True),
    Fault("done_twice", "The end mark comes twice, with data between", edits.done_twice, "25", only_stream=True),
    Fault("error_in_stream_before", "An error event before any content", edits.error_before, "20", only_stream=True),
    Fault("error_in_stream_after", "An error event midway", edits.error_after, "21", only_stream=True),
    Fault("error_in_200", "200, and then the answer itself tells of a failure; in a stream midway", edits.failed, "21"),
    Fault("big_line", "A line of `size` bytes (10 MB)", edits.big_line, "23"),
    Fault(
        "json_for_stream", "A JSON body although a stream was asked for", edits.json_for_stream, "28", only_stream=True
    ),
    Fault("sse_for_json", "A stream although a JSON body was asked for", edits.stream_for_json, "28"),
    Fault("wrong_model", "Another model's name in the answer", payloads.wrong_model, "35"),
    Fault("bad_usage", "Absurd token counts", payloads.bad_usage, "27"),
    Fault("no_usage", "No token counts", payloads.no_usage, "27"),
    Fault("crlf", "Lines end with CRLF", lines.crlf, "26", only_stream=True),
    Fault("comments", "SSE comments (or blank lines) between the events", lines.comments, "26", only_stream=True),
    Fault("split_utf8", "Every byte in a TCP write of its own", edits.split_utf8, "24"),
    Fault("flaps", "503 for `seconds` (5), then healthy for as long, in turns", edits.flaps, "36"),
    Fault(
        "wrong_types", "The answer field, or a stream's first content, is of another type", payloads.wrong_types, "14"
    ),
    Fault("gzip", "A good answer, compressed although nobody takes that", transfers.compressed, "15"),
    Fault("gzip_truncated", "The same, cut in the middle of the compressed bytes", transfers.compressed_and_cut, "15"),
    Fault("gzip_false", "Content-Encoding: gzip over what is not", transfers.falsely_compressed, "15"),
    Fault("gzip_bomb", "A small body that unpacks to `size` bytes (100 MB)", transfers.bomb, "15"),
    Fault(
        "length_long", "Content-Length promises more than comes before the connection closes", transfers.too_short, "16"
    ),
    Fault(
        "length_short", "Content-Length promises half of the body, all of which comes", transfers.cut_by_length, "16"
    ),
    Fault("answer_twice", "Behind the answer stands another that nobody asked for", transfers.too_long, "16"),
    Fault("slow_tokens", "A content event every `seconds` (1)", edits.slow_tokens, "22", only_stream=True),
    Fault("endless_line", "A line that never ends", transfers.endless_line, "23"),
    Fault("invalid_utf8", "Bytes in the text that are no UTF-8", payloads.invalid_utf8, "24"),
    Fault(
        "ascii_escapes", "All characters beyond ASCII escaped, emoji as two surrogates", payloads.ascii_escapes, "24"
    ),
    Fault("lone_surrogate", "Half of an escaped pair of surrogates in the text", payloads.lone_surrogate, "24"),
    Fault("open_after_end", "After the end mark events without end", transfers.open_after_end, "25", only_stream=True),
    Fault("cr", "Lines end with CR", lines.cr, "26", only_stream=True),
    Fault("bom", "A byte order mark first", lines.bom, "26", only_stream=True),
    Fault("many_lines", "An event's data on several lines", lines.many_lines, "26", only_stream=True),
    Fault("no_space", "No space after the colon", lines.no_space, "26", only_stream=True),
    Fault("other_fields", "The fields id and retry, and an unknown one", lines.other_fields, "26", only_stream=True),
    Fault(
        "usage_twice", "Two reports of tokens, of which the last is right", payloads.usage_twice, "27", only_stream=True
    ),
    Fault("empty_deltas", "Events between the others that say nothing", payloads.empty_deltas, "29", only_stream=True),
    Fault("tool_gaps", "Tool calls numbered 1, 3, 5", payloads.tool_gaps, "29", only_stream=True),
    Fault("tool_id_twice", "Several tool calls with the same id", payloads.tool_id_twice, "29"),
    Fault("interim", "100 Continue and 103 Early Hints before the answer", transfers.interim, "34"),
    Fault("trailers", "Header fields behind the body", transfers.trailers, "34"),
    Fault("http10", "HTTP/1.0: the answer ends where the connection does", transfers.http10, "34"),
    Fault(
        "reset_reused", "TCP reset when the connection has served before, else healthy", transfers.reset_reused, "34"
    ),
    Fault("odd_head", "No id, and a time with a fraction", payloads.odd_head, "35"),
    Fault("role_twice", "The opening event comes twice", payloads.role_twice, "29", only_stream=True),
)
FAULTS: Final[Mapping[str, Fault]] = {fault.name: fault for fault in _ALL}


def apply(draft: Draft, step: Step) -> None:
    """Let the step's fault happen to the draft; one that only streams can have leaves a JSON answer alone."""
    if step.streams:
        edits.stream_for_json(draft, step)
    fault = FAULTS.get(step.fault or "")
    if fault and (draft.stream or not fault.only_stream):
        fault.edit(draft, step)
