"""What is asked in the sample traffic? Requests of a product's three applications, in the order of their days."""

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from msgspec import Struct

from routing.demo.prompts import BACKGROUND, CHORES, QUESTIONS, SCHEMA, TOOLS
from routing.demo.upstreams import MARK

REQUESTS: Final = 700
DAYS: Final = 7
SEED: Final = 11
KEYS: Final = ("web-app", "support-bot", "nightly-report")
SHARES: Final = (6, 3, 1)  # of the keys
ASKED: Final = (  # model, weight
    ("auto", 36),
    ("auto:balanced", 8),
    ("auto:cheap", 10),
    ("auto:fast", 8),
    ("auto:best", 12),
    (MARK + "mini", 12),
    (MARK + "large", 6),
    (MARK + "flash", 5),
    (MARK + "coder", 4),
    (MARK + "local-8b", 4),
    (MARK + "vision", 4),
)
OUTAGE: Final = range(390, 415)  # the requests during which one provider is down
LEAVES: Final = 0.012  # of the streams, whose caller does not wait for the end
NIGHT, DAY, EVENING, WEEKEND = 0.12, 1.0, 0.4, 0.35  # how much is asked, beside a working hour
Surface = Literal["chat", "messages", "responses"]
PATHS: Final[Mapping[Surface, str]] = {
    "chat": "/v1/chat/completions",
    "messages": "/v1/messages",
    "responses": "/v1/responses",
}


class Turn(Struct, frozen=True):
    """One request."""

    key: int  # which of `KEYS`
    surface: Surface
    body: dict[str, Any]
    leaves: bool = False  # the caller goes after the first bytes of the stream
    outage: bool = False  # one provider is down

    @property
    def path(self) -> str:
        return PATHS[self.surface]


def turns(models: Sequence[str], count: int = REQUESTS) -> Iterator[Turn]:
    """The same ones each time; `models` are the names of ours that there are beside the sample's own."""
    rng = random.Random(SEED)
    asked = [(name, weight) for name, weight in ASKED if name.startswith(MARK) or name in models]
    for number in range(count):
        yield _turn(rng, asked, OUTAGE.start <= number * REQUESTS // count < OUTAGE.stop)


def instants(count: int, now: datetime) -> list[datetime]:
    """So many instants of the last days, in order: more by day than by night, fewer at weekends."""
    rng = random.Random(SEED)
    end = now - timedelta(minutes=2)
    hours = [end - timedelta(hours=number) for number in range(DAYS * 24, 0, -1)]
    chosen = rng.choices(hours, [_rhythm(hour) for hour in hours], k=count)
    return sorted(hour + timedelta(seconds=rng.uniform(0, 3599)) for hour in chosen)


def _rhythm(hour: datetime) -> float:
    part = DAY if 8 <= hour.hour < 18 else EVENING if 18 <= hour.hour < 23 else NIGHT
    return part * (WEEKEND if hour.weekday() >= 5 else 1)


def _turn(rng: random.Random, asked: Sequence[tuple[str, int]], outage: bool) -> Turn:
    key = rng.choices(range(len(KEYS)), SHARES)[0]
    model = rng.choices([name for name, _ in asked], [weight for _, weight in asked])[0]
    surface: Surface = rng.choices(tuple(PATHS), (8, 1, 1))[0]
    stream = KEYS[key] != "nightly-report" and rng.random() < 0.65
    said = _said(rng, KEYS[key])
    body = _body(surface, model, said, stream)
    if surface == "chat":
        body["neuroroute"] = _labels(rng, KEYS[key])
        if KEYS[key] == "web-app" and not stream and rng.random() < 0.2:
            body |= rng.choice((TOOLS, SCHEMA))
    return Turn(key, surface, body, leaves=stream and rng.random() < LEAVES, outage=outage)


def _said(rng: random.Random, key: str) -> str:
    text = rng.choice(CHORES if key == "nightly-report" else QUESTIONS)
    text = text.format(a=rng.randint(12, 99), b=rng.randint(3, 40), n=rng.randint(1000, 9999))
    return f"{BACKGROUND}\n\n{text}" if key == "support-bot" else text


def _body(surface: Surface, model: str, said: str, stream: bool) -> dict[str, Any]:
    body: dict[str, Any] = {"model": model, "stream": stream}
    if surface == "responses":
        return body | {"input": said, "store": False}
    if surface == "messages":
        return body | {"messages": [{"role": "user", "content": said}], "max_tokens": 1024}
    if stream:
        body["stream_options"] = {"include_usage": True}
    return body | {"messages": [{"role": "user", "content": said}]}


def _labels(rng: random.Random, key: str) -> dict[str, Any]:
    if key == "support-bot":
        return {"session_id": f"ticket-{rng.randint(1, 90)}", "tags": ["support"]}
    return {"tags": ["nightly" if key == "nightly-report" else "web"]}
