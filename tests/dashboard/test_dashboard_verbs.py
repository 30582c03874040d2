"""Can a key be added, a model named, priced and tested from the dashboard? By those who may, with an audit row."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from profiling.models import Job
from providers.models import AuditEntry, Credential, Deployment, DeploymentPrice, LanguageModel, Provider, Revision
from providers.pricerows import BEGINNING
from providers.revisions import CATALOG
from providers.secrets import unseal
from tests.dashboard.test_dashboard_pages import text_of
from tests.people import browser_of, staff

pytestmark = pytest.mark.django_db
KEY = "sk-needle-in-the-dashboard-wxyz"
EVERY = "every tenant"


@pytest.fixture
def big() -> Deployment:
    acme = Provider.objects.create(name="acme", wire="openai", base_url="http://localhost:1/v1", allow_private=True)
    model = LanguageModel.objects.create(name="big", aliases=["large"])
    return Deployment.objects.create(provider=acme, model=model, upstream_model="big-1")


@pytest.fixture
def owner() -> Client:
    return browser_of(staff("olga", "owner"))


def address(row: Deployment, verb: str) -> str:
    return f"/dashboard/models/{row.pk}/{verb}/"


def hidden(client: Client, page: str) -> dict[str, str]:
    """What the form of a page carries unseen, beside the token of CSRF."""
    text = client.get(page).content.decode()
    found = re.findall(r'<input type="hidden" name="(\w+)"(?: value="([^"]*)")?', text)
    return {name: unescape(value) for name, value in found if name != "csrfmiddlewaretoken"}


def came_of(client: Client, page: str, **typed: object) -> str:
    """What the page says after a deed that was done, where the button stood."""
    answer = client.post(page, hidden(client, page) | typed)
    assert answer.status_code == 302, text_of(answer)
    return text_of(client.get(answer["location"]))


def verbs(row: Deployment) -> dict[str, str]:
    """The address of each verb, and the right that it takes."""
    return {
        "/dashboard/upstreams/acme/test/": "change_provider",
        "/dashboard/upstreams/acme/key/": "add_credential",
        address(row, "test"): "change_provider",
        address(row, "alias"): "change_languagemodel",
        address(row, "price"): "add_deploymentprice",
    }


def test_each_verb_takes_its_right_when_asked_and_when_done(big):
    viewer = staff("vic", "viewer", EVERY)
    for page, right in verbs(big).items():
        for answer in (browser_of(viewer).get(page), browser_of(viewer).post(page, {"secret": KEY, "aliases": "x"})):
            assert answer.status_code == 403 and "an owner can give it" in text_of(answer), page
        viewer.user_permissions.set(Permission.objects.filter(codename=right))
        assert browser_of(User.objects.get(username="vic")).get(page).status_code == 200, page
        viewer.user_permissions.clear()
    assert (Credential.objects.count(), DeploymentPrice.objects.count(), Job.objects.count()) == (0, 0, 0)
    assert AuditEntry.objects.count() == 0 and LanguageModel.objects.get().aliases == ["large"]


def test_who_sees_no_tenant_and_who_is_nobody_reaches_no_verb(big):
    for page in verbs(big):
        assert (
            browser_of(staff(f"tom-{len(page)}-{page[-3]}{page[11]}", "operator", "finance")).get(page).status_code
            == 403
        )
        assert Client().get(page)["location"].startswith("/admin/login/")


def test_what_is_not_there_or_of_the_drill_has_no_verb(big, owner):
    gone = [page.replace("acme", "nobody").replace(f"/{big.pk}/", "/999999/") for page in verbs(big)]
    assert {owner.get(page).status_code for page in gone} == {404}
    Provider.objects.update(source=Provider.Source.DRILL)
    assert {owner.get(page).status_code for page in verbs(big)} == {404}


def test_a_form_without_its_token_is_refused(big):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(staff("olga", "owner"))
    assert {strict.post(page, {"secret": KEY}).status_code for page in verbs(big)} == {403}
    assert AuditEntry.objects.count() == 0


# A key of ours.


def test_a_key_goes_in_and_its_last_four_come_out(big, owner):
    page = "/dashboard/upstreams/acme/key/"
    said = came_of(owner, page, secret=KEY, name="second", reason="more quota")
    assert "acme is called with the key second …wxyz, too, within a second." in said
    row = Credential.objects.get()
    assert unseal(row.ciphertext) == KEY and row.enabled and row.provider.name == "acme"
    told = AuditEntry.objects.get()
    assert (told.actor, told.action, told.reason, told.changes["ciphertext"]) == (
        "olga",
        "added",
        "more quota",
        [None, "(secret)"],
    )
    assert Revision.objects.get(part=CATALOG).number
    assert (
        "It has these: second …wxyz" in text_of(owner.get(page))
        and 'value="default"' in owner.get(page).content.decode()
    )
    everywhere = [
        owner.get(each).content.decode() for each in (page, "/dashboard/upstreams/", "/admin/providers/auditentry/")
    ]
    assert not any(KEY in text for text in everywhere)


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"secret": "short", "name": "b"}, "secret", "fewer than 8 characters"),
        ({"secret": f"{KEY} x", "name": "b"}, "secret", "A key has no spaces"),
        ({"secret": "", "name": "b"}, "secret", "This field is required"),
        ({"secret": KEY, "name": "taken"}, "name", "has a credential called taken already"),
        ({"secret": KEY, "name": "n" * 65}, "name", "at most 64 characters (it has 65)"),
        ({"secret": KEY, "name": "b", "reason": "r" * 501}, "reason", "at most 500 characters"),
    ],
)
def test_a_key_that_cannot_be_is_told_at_its_field_and_not_echoed(big, owner, typed, field, said):
    Credential.objects.create(provider=big.provider, name="taken", ciphertext=b"", last_four="abcd")
    answer = owner.post("/dashboard/upstreams/acme/key/", typed)
    text = answer.content.decode()
    assert answer.status_code == 422 and KEY not in text and Credential.objects.count() == 1
    place = text.index(f'name="{field}"')
    assert said in unescape(text[place : text.index("</div>", place)])


# Aliases.


def test_names_are_added_and_taken_away(big, owner):
    page = address(big, "alias")
    assert "big is also called large, huge." in came_of(owner, page, aliases="large\nhuge\nhuge", reason="for the apps")
    assert LanguageModel.objects.get().aliases == ["large", "huge"]
    assert "big has no other name." in came_of(owner, page, aliases="")
    changes = AuditEntry.objects.order_by("id").values_list("action", "reason", "changes")
    assert list(changes) == [
        ("changed", "for the apps", {"aliases": [["large"], ["large", "huge"]]}),
        ("changed", "", {"aliases": [["large", "huge"], []]}),
    ]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("two words", "contains a space"),
        ("small", "already leads to another model"),
        ("auto:fast", "is a name of the router itself"),
    ],
)
def test_a_name_that_cannot_be_is_told_at_its_field(big, owner, typed, said):
    LanguageModel.objects.create(name="small")
    page = address(big, "alias")
    answer = owner.post(page, hidden(owner, page) | {"aliases": typed})
    text = unescape(answer.content.decode())
    place = text.index('name="aliases"')
    assert answer.status_code == 422 and said in text[place : text.index("</div>", place)]
    assert LanguageModel.objects.get(name="big").aliases == ["large"]


def test_who_names_second_overwrites_nothing_unasked(big, owner):
    page = address(big, "alias")
    opened = hidden(owner, page)
    LanguageModel.objects.filter(pk=big.model_id).update(aliases=["theirs"])
    late = owner.post(page, opened | {"aliases": "mine"})
    assert late.status_code == 422 and "it is theirs now. Nothing was overwritten" in text_of(late)
    assert LanguageModel.objects.get().aliases == ["theirs"]
    again = dict(re.findall(r'name="(seen)" value="([^"]*)"', late.content.decode()))
    assert owner.post(page, again | {"aliases": "mine"}).status_code == 302
    assert LanguageModel.objects.get().aliases == ["mine"]


# Prices.


def test_a_first_price_holds_from_the_beginning_and_the_next_from_its_day(big, owner):
    page = address(big, "price")
    assert "1,000 typical requests = — (no price: cost is unknown)" in text_of(owner.get(page))
    said = came_of(owner, page, input="0.15", output="0.6", reason="their list")
    assert "1,000 typical requests = $0.3300 (1,000 tokens of prompt, 300 of answer each)" in said, said
    first = DeploymentPrice.objects.get()
    assert (first.effective_from, first.input, first.output) == (BEGINNING, Decimal("0.15"), Decimal("0.6"))
    held = owner.get(page).content.decode()
    assert 'value="0.15"' in held, "what it costs now stands in the form"
    in_kolkata = f"{page}?tz=Asia/Kolkata"
    assert "In Asia/Kolkata. Empty: from now on." in text_of(owner.get(in_kolkata))
    came_of(owner, in_kolkata, input="0.3", output="1.2", effective_from="2031-01-01T05:30:00")
    assert DeploymentPrice.objects.latest("effective_from").effective_from == datetime(2031, 1, 1, tzinfo=UTC)
    before = datetime.now(UTC)
    came_of(owner, page, input="0.2", output="0.8")
    now = DeploymentPrice.objects.get(input=Decimal("0.2")).effective_from
    assert before - timedelta(seconds=1) <= now <= datetime.now(UTC)
    told = AuditEntry.objects.order_by("id").first()
    assert (told.action, told.kind, told.reason, told.changes["input"]) == (
        "added",
        "price",
        "their list",
        [None, "0.15"],
    )
    assert Revision.objects.get(part=CATALOG).number == 3


def test_a_preview_says_what_it_comes_to_and_does_nothing(big, owner):
    page = address(big, "price")
    shown = owner.post(page, {"act": "preview", "input": "2", "output": "10"})
    assert shown.status_code == 200 and "1,000 typical requests = $5.00" in text_of(shown)
    assert 'value="10"' in shown.content.decode(), "what was typed stays"
    wrong = owner.post(page, {"act": "preview", "input": "two"})
    assert wrong.status_code == 200 and "No preview: correct what is marked first." in text_of(wrong)
    assert DeploymentPrice.objects.count() == 0 and AuditEntry.objects.count() == 0


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"input": "-1", "output": "1"}, "input", "-1 is not between 0 and 1000000"),
        ({"input": "free", "output": "1"}, "input", "Enter a number"),
        ({"input": "1"}, "output", ""),
        ({"input": "1", "output": "2", "tiers": "many: input 2"}, "tiers", "is not of the form tokens: rate USD"),
        ({"input": "1", "output": "2", "effective_from": "soon"}, "effective_from", "Enter a valid date/time"),
        ({"input": "1", "output": "2", "effective_from": "2031-01-01T00:00"}, "effective_from", "at that very moment"),
    ],
)  # fmt: skip
def test_a_price_that_cannot_be_is_told_at_its_field(big, owner, typed, field, said):
    DeploymentPrice.objects.create(deployment=big, effective_from=datetime(2031, 1, 1, tzinfo=UTC))
    answer = owner.post(address(big, "price"), typed)
    text = answer.content.decode()
    place = text.index(f'name="{field}"')
    part = unescape(text[place : text.index("</div>", place)])
    assert answer.status_code == 422 and 'role="alert"' in part and said in part
    assert DeploymentPrice.objects.count() == 1


def test_finance_prices_and_neither_names_nor_tests(big):
    finance = browser_of(staff("fin", "finance", EVERY))
    assert [finance.get(address(big, verb)).status_code for verb in ("price", "alias", "test")] == [200, 403, 403]
