"""The catalog: what is enabled, found by every name it has, with prices exact and secrets in the clear."""

import logging
import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from providers.catalog import load_catalog
from providers.chat import TokenUsage
from providers.models import Credential, Deployment, DeploymentPrice, LanguageModel, Provider
from providers.pricerows import BEGINNING
from providers.revisions import CATALOG
from providers.secrets import seal
from providers.snapshots import Snapshot, Watcher

pytestmark = pytest.mark.django_db
SECRET = "sk-0123456789-abcd"


def provider(name="acme", **fields):
    return Provider.objects.create(name=name, wire="openai", base_url="https://acme.test/v1", **fields)


def deployment(of, model="gpt-x", aliases=(), **fields):
    known, _ = LanguageModel.objects.get_or_create(name=model, defaults={"aliases": list(aliases)})
    fields.setdefault("upstream_model", model)
    return Deployment.objects.create(provider=of, model=known, **fields)


def priced(row, since=BEGINNING, **columns):
    return DeploymentPrice.objects.create(deployment=row, effective_from=since, **columns)


def credential(of, plain=SECRET, **fields):
    return Credential.objects.create(provider=of, ciphertext=seal(plain), last_four=plain[-4:], **fields)


def test_a_target_carries_what_the_wire_needs():
    acme = provider(headers={"X-Title": "NeuroRoute"}, local=True)
    credential(acme)
    row = deployment(acme, context=8000, capabilities=["tools"], first_token_timeout_s=7, retries=1, quality=0.4)
    (target,) = load_catalog().targets
    assert (target.id, target.name, target.base_url) == (row.pk, "acme/gpt-x", "https://acme.test/v1")
    assert target.headers == (("X-Title", "NeuroRoute"),)
    assert [secret.value for secret in target.secrets] == [SECRET]
    assert (target.context, target.capabilities, target.retries) == (8000, frozenset({"tools"}), 1)
    assert (target.timeouts.first_token_s, target.timeouts.total_s) == (7, 1800)
    assert (target.quality, target.local, target.price) == (0.4, True, None)
    assert SECRET not in repr(target)


def test_a_price_is_exact_and_unknown_unless_complete():
    acme = provider()
    priced(deployment(acme, "full"), input="0.15", output="0.6", cached_input="0.075")
    priced(deployment(acme, "half"), input="0.15")
    priced(deployment(acme, "free"), input="0", output="0")
    by_id = load_catalog().by_name
    usage = TokenUsage(prompt=1_000_000, completion=1_000_000, cached=500_000)
    assert by_id["acme/full"].price.cost_nano_usd(usage) == (Decimal("0.7125") * 10**9)
    assert by_id["acme/half"].price is None
    assert by_id["acme/free"].price.cost_nano_usd(usage) == 0


def test_what_is_disabled_is_not_there():
    acme, off = provider(), provider("off", enabled=False)
    credential(acme, enabled=False)
    deployment(acme, "on")
    deployment(acme, "disabled", enabled=False)
    deployment(off, "elsewhere")
    catalog = load_catalog()
    assert catalog.model_names == ("on",)
    assert catalog.targets[0].secrets == ()


def test_a_model_is_found_by_every_name_it_has():
    acme, beta = provider(), provider("beta")
    first = deployment(acme, "gpt-x", aliases=["gpt-latest"], upstream_model="gpt-x-2026")
    second = deployment(beta, "gpt-x")
    catalog = load_catalog()
    assert [t.id for t in catalog.by_model["gpt-x"]] == [first.pk, second.pk]
    assert catalog.by_model["gpt-latest"] == catalog.by_model["gpt-x"]
    for name in ("acme/gpt-x", "acme/gpt-latest", "acme/gpt-x-2026"):
        assert catalog.by_name[name].id == first.pk
    assert catalog.by_id[second.pk].name == "beta/gpt-x"
    assert "gpt-x-2026" not in catalog.by_model


def test_a_name_wins_over_an_alias_and_a_shared_alias_leads_to_all():
    acme = provider()
    deployment(acme, "a", aliases=["b", "both"])
    deployment(acme, "b", aliases=["both"])
    catalog = load_catalog()
    assert [t.model for t in catalog.by_model["b"]] == ["b"]
    assert [t.model for t in catalog.by_model["both"]] == ["a", "b"]


def test_the_nearest_name_and_the_contexts():
    acme = provider()
    deployment(acme, "gpt-5-mini", context=400)
    deployment(acme, "claude-opus", context=200)
    deployment(acme, "unsized")
    deployment(acme, "claude-haiku", context=200)
    catalog = load_catalog()
    assert catalog.nearest("gpt5-mini") == "gpt-5-mini"
    assert catalog.nearest("acme/claude-opsu") == "acme/claude-opus"
    assert catalog.nearest("zzzzzz") is None
    assert catalog.nearest("gpt-5-mini" * 1000) is None
    assert catalog.contexts == (200, 400)


def test_a_secret_that_cannot_be_opened_is_left_out_and_named(settings, caplog):
    settings.SECRETS_KEYS = ["lost"]
    acme = provider()
    credential(acme, name="first")
    settings.SECRETS_KEYS = ["new"]
    credential(acme, "sk-new-0123456789", name="second")
    deployment(acme)
    with caplog.at_level(logging.ERROR):
        (target,) = load_catalog().targets
    assert [secret.value for secret in target.secrets] == ["sk-new-0123456789"]
    assert "credential first of provider acme" in caplog.text
    assert SECRET not in caplog.text


def test_a_thousand_deployments_take_as_few_queries_as_one(django_assert_num_queries):
    acme = provider()
    credential(acme)
    models = LanguageModel.objects.bulk_create(LanguageModel(name=f"m-{n}", aliases=[f"a-{n}"]) for n in range(1000))
    Deployment.objects.bulk_create(Deployment(provider=acme, model=m, upstream_model=m.name) for m in models)
    with django_assert_num_queries(3):
        assert len(load_catalog().targets) == 1000


def test_a_credential_that_has_ended_is_not_presented():
    acme, now = provider(), timezone.now()
    credential(acme, "sk-ends-tomorrow-0001", name="old", expires_at=now + timedelta(days=1))
    credential(acme, "sk-ended-before-00002", name="older", expires_at=now)
    credential(acme, "sk-goes-on-for-ever-3", name="new")
    deployment(acme)
    catalog = load_catalog()
    assert [secret.value for secret in catalog.targets[0].secrets] == ["sk-ends-tomorrow-0001", "sk-goes-on-for-ever-3"]
    assert catalog.until == now + timedelta(days=1)


@pytest.mark.django_db(transaction=True)
def test_a_running_worker_drops_a_credential_at_its_end_without_being_told():
    acme = provider()
    deployment(acme)
    row = credential(acme, expires_at=timezone.now() + timedelta(seconds=0.5))
    kept = Snapshot(CATALOG, load_catalog, until=lambda catalog: catalog.until)
    watcher = Watcher([kept], interval_s=0.02)
    watcher.start()
    swapped = threading.Event()
    try:
        assert kept.current.targets[0].secrets
        kept.listeners.append(swapped.set)
        assert swapped.wait(20) and kept.current.targets[0].secrets == ()
        assert timezone.now() >= row.expires_at
    finally:
        watcher.stop()
