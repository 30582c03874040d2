#!/usr/bin/env python3
"""How long does the server take over each page, and how many queries, over a database that bench/fill.py has filled?

    DATABASE_URL=postgres://... bench/pages.py [--rounds 5] [--least 0] [--only words]

Asks each address of the dashboard (with several ranges, groups and filters), each list of the admin, pages of rows that
the records name, autocompletes, and the operator API, signed in as a superuser. Prints the median and the longest of
the rounds after one that fills caches, the number of queries, and what is beyond 200 ms (100 ms for the values of a
filter) or 12 queries. Last, the page of requests after row 100,000 is held against the first, and the check that runs
every minute is timed.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ |= {"ENV_FILE": os.devnull, "DJANGO_SETTINGS_MODULE": "neuroroute.settings"}

import django  # noqa: E402

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib import admin  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.urls import NoReverseMatch, reverse  # noqa: E402
from django.utils import timezone  # noqa: E402
from msgspec import Struct  # noqa: E402

from dashboard.attention import check  # noqa: E402
from dashboard.choices import OFFERED  # noqa: E402
from dashboard.pages import NAVIGATION  # noqa: E402
from providers.models import Deployment, LanguageModel, Provider  # noqa: E402
from routing.runtime import spare_the_collector  # noqa: E402
from tenants.models import ClientKey, Tenant  # noqa: E402
from usage.models import RequestRecord  # noqa: E402

LONGEST_MS, MOST_QUERIES = 200, 12
MENU_MS = 100  # the values of a filter, while somebody types
FAR = 100_000  # rows
DEEP = 1.2  # times page one that the page after them may take


class Answer(Struct):
    """What an address took: milliseconds of the median and the longest round, queries, bytes."""

    address: str
    status: int
    median_ms: float
    longest_ms: float
    queries: int
    size: int

    @property
    def beyond(self) -> bool:
        longest_ms = MENU_MS if "/choices/" in self.address else LONGEST_MS
        return self.status != 200 or self.median_ms > longest_ms or self.queries > MOST_QUERIES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--least", type=float, default=0, help="print only what takes as many milliseconds")
    parser.add_argument("--only", default="", help="addresses that contain one of these, by comma")
    wanted = parser.parse_args()
    settings.ALLOWED_HOSTS = ["*"]
    client = signed_in()
    client.get(reverse("dashboard:home"))  # all modules are loaded
    spare_the_collector()  # as a web worker does
    answers = []
    for address in addresses():
        if any(part in address for part in wanted.only.split(",")):
            answers.append(asked(client, address, wanted.rounds))
            if answers[-1].median_ms >= wanted.least or answers[-1].beyond:
                print(told(answers[-1]), flush=True)
    over = [answer for answer in answers if answer.beyond]
    print(f"\n{len(answers)} addresses, {len(over)} beyond {LONGEST_MS} ms, {MOST_QUERIES} queries or status 200:")
    print("\n".join(told(answer) for answer in over) or "none")
    if not wanted.only:
        deep(client, wanted.rounds)
        checked(wanted.rounds)


def signed_in() -> Client:
    person, _ = User.objects.get_or_create(username="bench", defaults={"is_staff": True, "is_superuser": True})
    client = Client()
    client.force_login(person)
    return client


def addresses() -> Iterator[str]:
    yield from pages()
    yield from sorted_and_filtered()
    yield from menus()
    yield from panels()
    yield from changelists()
    yield from change_forms()
    yield "/admin/system/"
    for part in ("tenants", "api-keys", "providers", "models", "deployments", "policies", "users", "audit-log"):
        yield f"/api/admin/{part}"
    yield from ("/dashboard/stats", "/dashboard/usage", "/dashboard/models")


def pages() -> Iterator[str]:
    key = ClientKey.objects.order_by("id").values_list("id", flat=True)[0]
    newest = RequestRecord.objects.filter(id__gte="00000000-0000-0000-0000-000000000000").order_by("-id")[0]
    yield reverse("dashboard:request", args=[f"req_{newest.id.hex}"])
    for page in NAVIGATION:
        address = reverse(f"dashboard:{page.name}")
        if not page.ranged:
            yield from (address, f"{address}?tenant=team-a")
            continue
        for range_ in ("1h", "24h", "7d", "30d", "90d"):
            yield f"{address}?range={range_}"
        for words in (
            "tenant=team-a",
            f"key={key}",
            "model=sandbox-mini",
            "provider=sandbox-openai",
            "tz=Asia/Kolkata",
        ):
            yield f"{address}?range=30d&{words}"
    for words in ("failover", "failed", "unpriced", "cancelled", "interrupted", "rejected"):
        yield f"{reverse('dashboard:requests')}?range=30d&status={words}"
    for words in ("tenant", "key", "provider", "model", "policy"):
        yield f"{reverse('dashboard:cost')}?range=30d&group={words}"
    first = f"{reverse('dashboard:requests')}?range=30d&first=sandbox-openai/sandbox-mini"
    for words in ("status=failover", "served=nobody", "served=sandbox-anthropic/sandbox-large"):
        yield f"{first}&{words}"
    yield f"{reverse('dashboard:requests')}?range=30d&tenant=team-a&model=sandbox-unpriced"


def sorted_and_filtered() -> Iterator[str]:
    """Requests in orders and by filters that no sum answers."""
    requests = reverse("dashboard:requests")
    for range_ in ("24h", "30d"):
        for words in ("sort=time", "sort=-cost", "sort=-total", "sort=-ttft", "task=chat", "task=coding", "tag=batch"):
            yield f"{requests}?range={range_}&{words}"
    yield f"{requests}?range=30d&sort=-cost&tenant=team-a&model=sandbox-mini"
    yield f"{requests}?range=30d&sort=-total&status=failed"
    yield f"{requests}?range=30d&tenant=team-b&tag=batch"
    for words in (
        "min_cost=0.001",
        "max_cost=0.0001",
        "min_ttft=900",
        "min_total=20000",
        "min_attempts=2",
        "streamed=no",
    ):
        yield f"{requests}?range=30d&{words}"
    for words in ("finish=length", "finish=content_filter&streamed=yes", "min_cost=999&provider=sandbox-openai"):
        yield f"{requests}?range=30d&{words}"
    for words in ("group=tag", "tag=batch", "tag=batch&group=tenant", "tag=-"):
        yield f"{reverse('dashboard:cost')}?range=30d&{words}"
    for page in ("home", "cost", "latency"):
        yield f"{reverse(f'dashboard:{page}')}?range=7d&compare=prev"


def menus() -> Iterator[str]:
    """The values of each filter: none typed yet, a letter, a name that many have."""
    for word in OFFERED:
        for text in ("", "s", "sandbox", "-17"):
            yield f"{reverse('dashboard:choices', args=[word])}?q={text}"


def panels() -> Iterator[str]:
    """Those that a page fetches once it stands."""
    yield reverse("dashboard:panel", args=["home", "attention"])


def changelists() -> Iterator[str]:
    for model in sorted(admin.site._registry, key=lambda model: model._meta.label):
        meta = model._meta
        try:
            yield reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
        except NoReverseMatch:
            continue
    for label, field in (("deployment", "provider"), ("deployment", "model")):
        yield f"/admin/autocomplete/?app_label=providers&model_name={label}&field_name={field}&term=1"


def change_forms() -> Iterator[str]:
    """Of rows that have a history, with their tabs: the busiest of each kind, and one that nobody has used."""
    for model in (Provider, Deployment, LanguageModel, Tenant, ClientKey):
        ids = model._base_manager.order_by("pk").values_list("pk", flat=True)
        for key in {ids[0], ids[len(ids) - 1]}:
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
            yield reverse(f"{name}_change", args=[key])
            for tab in ("clientkey", "budget", "requestrecord") if model is Tenant else ("requestrecord",):
                yield reverse(f"{name}_tab", args=[key, tab])


def asked(client: Client, address: str, rounds: int) -> Answer:
    taken, queries, size, status = [], 0, 0, 0
    client.get(address)
    for _ in range(rounds):
        began = time.perf_counter()
        response = client.get(address)
        size = sum(map(len, response)) if response.streaming else len(response.content)
        taken.append((time.perf_counter() - began) * 1000)
        status = response.status_code
    with CaptureQueriesContext(connection) as caught:
        client.get(address)
        queries = len(caught)
    return Answer(address, status, statistics.median(taken), max(taken), queries, size)


def told(answer: Answer) -> str:
    return (
        f"{answer.median_ms:7.1f} ms (longest {answer.longest_ms:7.1f})  {answer.queries:2} queries  "
        f"{answer.size / 1000:7.1f} kB  {answer.status}  {answer.address}"
    )


def deep(client: Client, rounds: int) -> None:
    """The page that row 100,000 ends at its cursor, beside the first one."""
    ids = RequestRecord.objects.filter(id__gte="00000000-0000-0000-0000-000000000000").order_by("-id")
    last = ids.values_list("id", flat=True)[FAR]
    first = f"{reverse('dashboard:requests')}?range=30d"
    one, far = asked(client, first, rounds * 3), asked(client, f"{first}&cursor={last.hex}", rounds * 3)
    print(f"\npage one {one.median_ms:.1f} ms, after row {FAR:,} {far.median_ms:.1f} ms: "
          f"{far.median_ms / one.median_ms:.2f} times (at most {DEEP})")  # fmt: skip


def checked(rounds: int) -> None:
    """The check for what needs somebody, as the job runs it each minute."""
    check(timezone.now())
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        check(timezone.now())
        taken.append((time.perf_counter() - began) * 1000)
    with CaptureQueriesContext(connection) as caught:
        check(timezone.now())
    print(f"check of each minute: {statistics.median(taken):.0f} ms (longest {max(taken):.0f}), {len(caught)} queries")


if __name__ == "__main__":
    main()
