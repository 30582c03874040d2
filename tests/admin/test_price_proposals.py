"""From a public list over HTTP to proposals, and from a proposal that a person accepts to a price."""

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from profiling.jobs import job_kinds
from providers.attention import notices
from providers.catalog import load_catalog
from providers.models import AuditEntry, Deployment, DeploymentPrice, LanguageModel, PriceProposal, Provider
from providers.pricefetch import Unreadable, fetch
from providers.pricerows import BEGINNING
from tests.admin import rows

pytestmark = pytest.mark.django_db
ENTRY = {"litellm_provider": "openai", "mode": "chat"}


class Mirror(ThreadingHTTPServer):
    """Serves one document at every address."""

    document: bytes = b""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/prices.json"

    def offers(self, **usd_per_token: tuple[float, float]) -> None:
        entries = {
            name.replace("_", "-"): ENTRY | {"input_cost_per_token": i, "output_cost_per_token": o}
            for name, (i, o) in usd_per_token.items()
        }
        self.document = json.dumps(entries).encode()


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status = 404 if self.path.endswith("missing") else 302 if self.path.endswith("moved") else 200
        self.send_response(status)
        self.send_header("content-length", str(len(self.server.document)))
        self.end_headers()
        self.wfile.write(self.server.document)

    def log_message(self, *args: object) -> None: ...


@pytest.fixture(scope="module")
def server() -> Iterator[Mirror]:
    with Mirror(("127.0.0.1", 0), Answer) as mirror:
        thread = threading.Thread(target=mirror.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield mirror
        mirror.shutdown()
        thread.join()


@pytest.fixture
def mirror(server: Mirror) -> Mirror:
    server.offers(gpt_x=(2.5e-06, 1e-05), gpt_y=(1e-06, 2e-06))
    return server


@pytest.fixture
def deployed() -> Deployment:
    openai = Provider.objects.create(name="ours", wire="openai", base_url="https://api.openai.com/v1")
    row = Deployment.objects.create(
        provider=openai, model=LanguageModel.objects.create(name="x"), upstream_model="GPT-x"
    )
    DeploymentPrice.objects.create(
        deployment=row, effective_from=BEGINNING, input="3", output="10", cached_input="0.3", cache_write_1h="6"
    )
    return row


def sync(mirror: Mirror, *options: str) -> str:
    out = io.StringIO()
    call_command("sync_catalog", "--url", mirror.url, *options, stdout=out)
    return out.getvalue()


def test_what_differs_is_proposed_and_changes_nothing_by_itself(mirror: Mirror, deployed: Deployment) -> None:
    said = sync(mirror)
    assert "~ ours/x: input 3 -> 2.5 (-17 %), cached_input 0.3 -> none, cache_write_1h 6 -> none" in said
    assert "2 prices read, deployments in the list: 1, 1 differ" in said
    assert load_catalog().targets[0].price.input == 3_000_000
    assert [n.what for n in notices(timezone.now()) if "public list" in n.what] == [
        "1 price differs from a public list"
    ]
    sync(mirror)
    assert PriceProposal.objects.get().state == "open"


def test_a_dry_run_keeps_nothing(mirror: Mirror, deployed: Deployment) -> None:
    assert "input 3 -> 2.5" in sync(mirror, "--dry-run")
    assert not PriceProposal.objects.exists()


def test_parts_that_a_list_does_not_know_stay_while_the_whole_costs_the_same(mirror: Mirror, deployed) -> None:
    mirror.offers(gpt_x=(3e-06, 1e-05))
    assert "0 differ" in sync(mirror)


def test_accepting_makes_the_price_and_declining_ends_the_matter(
    mirror: Mirror, deployed: Deployment, operator: Client
) -> None:
    where = reverse("admin:providers_priceproposal_changelist")
    sync(mirror)
    assert "input 3 -&gt; 2.5 (-17 %)" in operator.get(where).content.decode()
    decide(operator, "decline")
    assert "0 differ" in sync(mirror)
    mirror.offers(gpt_x=(2e-06, 1e-05))
    sync(mirror)
    decide(operator, "accept")
    assert load_catalog().targets[0].price.input == 2_000_000
    price = deployed.prices.latest("effective_from")
    assert price.source == f"litellm: {mirror.url}" and price.source_date is not None
    assert AuditEntry.objects.get(kind="price").changes["input"] == [None, "2.000000"]
    assert "0 differ" in sync(mirror)


def decide(operator: Client, verb: str) -> None:
    row = PriceProposal.objects.get(state="open")
    where = reverse("admin:providers_priceproposal_changelist")
    assert operator.post(where, {"action": verb, "_selected_action": row.pk}).status_code == 302
    row.refresh_from_db()
    assert row.state != "open" and row.decided_by


def test_a_list_that_shrank_by_half_is_refused(mirror: Mirror, deployed: Deployment) -> None:
    mirror.offers(**{f"m{n}": (1e-06, 1e-06) for n in range(9)})
    sync(mirror)
    mirror.offers(**{f"m{n}": (1e-06, 1e-06) for n in range(4)}, gpt_x=(9e-06, 9e-06))
    sync(mirror)  # five of nine: more than half
    mirror.offers(gpt_x=(8e-06, 8e-06), gpt_y=(1e-06, 1e-06))
    with pytest.raises(CommandError, match="litellm: 2 prices, and 5 on .*: refused"):
        sync(mirror)
    assert PriceProposal.objects.get().usd.input == 9


@pytest.mark.parametrize(
    ("url", "told"),
    [("http://prices.example/list", "by https alone"), ("file:///etc/passwd", "by https alone")],
)
def test_nothing_but_https_is_asked(url: str, told: str) -> None:
    with pytest.raises(Unreadable, match=told):
        fetch(url)


def test_errors_redirects_and_giants_are_refused(mirror: Mirror) -> None:
    for path, told in (("missing", "HTTP 404"), ("moved", "HTTP 302")):
        with pytest.raises(Unreadable, match=told):
            fetch(mirror.url + path)
    with pytest.raises(Unreadable, match="longer than 10 bytes"):
        fetch(mirror.url, bytes_limit=10)
    with pytest.raises(CommandError, match="not the JSON of models.dev"):
        sync(mirror, "--from", "models.dev")


def test_the_job_reads_a_list_only_where_one_is_named(mirror: Mirror, deployed: Deployment, settings) -> None:
    job = job_kinds()["price_list"]
    assert job.run(None, lambda *said: None) == {"read": None}
    settings.PRICE_LIST, settings.PRICE_LIST_URL = "litellm", mirror.url
    assert job.run(None, lambda *said: None)["proposed"] == 1


def test_a_viewer_cannot_decide(mirror: Mirror, viewer: Client) -> None:
    row = rows.price_proposal()
    where = reverse("admin:providers_priceproposal_changelist")
    viewer.post(where, {"action": "accept", "_selected_action": row.pk})
    row.refresh_from_db()
    assert row.state == "open"
