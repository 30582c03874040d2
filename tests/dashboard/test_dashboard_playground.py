"""The playground's pages and its lent keys: who may, for which tenant, for how long. In a browser: tests/gateway."""

import re
from datetime import UTC, datetime
from html import unescape

import pytest

from dashboard.askable import choices_for
from dashboard.cases import PlaygroundCase
from providers.catalog import load_catalog
from providers.models import AuditEntry, Deployment, LanguageModel
from routing.candidates import in_list
from tenants.keyring import authenticate, load_keyring
from tenants.models import ClientKey, Tenant
from tests.dashboard.askers import KEY, key_for
from tests.dashboard.askers import ana as ana
from tests.dashboard.askers import teams as teams
from tests.dashboard.askers import uncounted as uncounted
from tests.dashboard.traffic import day, ship
from tests.people import browser_of, staff

pytestmark = pytest.mark.django_db
PAGE = "/dashboard/playground/"
NOW = datetime.now(UTC)


def text_of(answer):
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())))


def options_of(answer):
    return re.findall(r"<option(?: selected)?>([^<]*)", answer.content.decode().split("<template")[0])


# Who may, and for whom


@pytest.mark.parametrize("role", ["operator", "owner"])
def test_who_may_spend_gets_a_key(teams, role):
    answer = key_for(staff("eve", role, tenants=(teams[0],)))
    assert answer.status_code == 200
    assert answer["cache-control"].startswith("max-age=0, no-cache, no-store")
    assert authenticate(answer.json()["key"], load_keyring(), NOW.timestamp()).tenant == "team-a"


@pytest.mark.parametrize("role", ["viewer", "finance"])
def test_who_may_not_sees_the_button_disabled_with_the_reason(teams, role):
    person = staff("vic", role, tenants=(teams[0],))
    page = browser_of(person).get(PAGE)
    assert re.search(r'id="run"[^>]* disabled data-blocked aria-describedby="blocked"', page.content.decode())
    assert "the role operator has it, and an owner can give it" in text_of(page)
    answer = key_for(person)
    assert (answer.status_code, "role operator" in answer.json()["message"]) == (403, True)
    assert not ClientKey.objects.exists()


@pytest.mark.parametrize(
    ("listed", "offered"),
    [("here/small", True), ("smal?", True), ("small-latest", True), ("here/small-latest", True), ("here/tiny", True),
     ("*-latest", False), ("large", False), ("here/tin?", False)],
)  # fmt: skip
def test_what_the_tenants_list_names_is_offered_by_any_of_its_names(teams, listed, offered):
    """`large` is a name, so it is no other model's alias."""
    Deployment.objects.filter(model__name="small").update(upstream_model="tiny")
    LanguageModel.objects.filter(name="small").update(aliases=["small-latest", "large"])
    Tenant.objects.filter(name="team-b").update(allow_models=[listed])
    catalog = load_catalog()
    models = {each.model for each in catalog.targets if in_list((listed,), each, catalog)}
    assert ("small" in models) is offered, "the data plane's answer"
    assert ("small" in choices_for(Tenant.objects.get(name="team-b")).fixed) is offered


def test_another_tenant_is_unknown(teams, ana):
    Tenant.objects.create(name="resting", enabled=False)
    assert options_of(browser_of(ana).get(PAGE))[0] == "team-a"
    assert "team-b" not in browser_of(ana).get(PAGE).content.decode()
    for name in ("team-b", "resting", "nobody"):
        assert key_for(ana, name).status_code == 404
        assert browser_of(ana).get(PAGE, {"tenant": name}).status_code == 404
    assert not ClientKey.objects.exists()


def test_a_get_makes_no_key_and_a_foreign_page_neither(ana):
    assert browser_of(ana).get(KEY).status_code == 405
    strict = browser_of(ana)
    strict.handler.enforce_csrf_checks = True
    assert strict.post(KEY, {"tenant": "team-a"}).status_code == 403
    assert not ClientKey.objects.exists()


def test_columns_offer_what_the_tenant_may_ask(teams):
    owner = browser_of(staff("olga", "owner"))
    assert {"large", "small", "auto", "auto:best"} <= set(options_of(owner.get(PAGE, {"tenant": "team-a"})))
    assert not {"large"} & set(options_of(owner.get(PAGE, {"tenant": "team-b"})))
    Tenant.objects.filter(name="team-b").update(allow_policies=["cost-optimized"])
    told = options_of(owner.get(PAGE, {"tenant": "team-b"}))
    assert [name for name in dict.fromkeys(told) if name.startswith("auto")] == ["auto", "auto:cheap"]


def test_without_a_model_it_says_so(teams, ana):
    Deployment.objects.update(enabled=False)
    assert "No model that team-a may use is switched on" in text_of(browser_of(ana).get(PAGE))
    assert key_for(ana).status_code == 404


def test_keys_are_lent_so_often_an_hour(ana, monkeypatch):
    monkeypatch.setattr("dashboard.playground.KEYS_RATE", "2/h")
    assert [key_for(ana).status_code for _ in range(3)] == [200, 200, 429]


# What is told of an answer


def test_the_record_of_an_answer_is_told_to_who_sees_its_tenant(tmp_path, staff_client):
    told = day(NOW, 60, hours=1)
    ship(told, tmp_path / "spool")
    tenants = {name: Tenant.objects.create(pk=pk, name=name) for pk, name in {(o.tenant_id, o.tenant) for o in told}}
    mine, other = (next(o for o in told if o.tenant_id == tenant.pk) for tenant in list(tenants.values())[:2])
    member = browser_of(staff("mia", "viewer", tenants=(tenants[mine.tenant],)))
    address = "/dashboard/playground/answers/req_{}/"
    assert "The whole decision" in text_of(member.get(address.format(mine.id)))
    assert member.get(address.format(other.id)).status_code == 204
    assert staff_client.get(address.format(other.id)).status_code == 200
    assert staff_client.get(address.format("0" * 32)).status_code == 204


def test_an_unknown_cost_is_a_dash_with_its_reason(tmp_path, staff_client):
    told = [one for one in day(NOW, 300, hours=1) if one.cost_nano_usd is None and one.provider]
    ship(told, tmp_path / "spool")
    answer = text_of(staff_client.get(f"/dashboard/playground/answers/req_{told[0].id}/"))
    assert re.search(r"Cost — (no price for|the provider reported no usage)", answer)
    assert "$0.00" not in answer


# Cases


def save(client, name="mine", **fields):
    draft = {"prompt": "Hi", "model": ["auto", "small"], "tenant": "team-a"} | fields
    return client.post(PAGE, {"act": "save", "name": name, **draft})


def test_a_case_is_kept_for_its_owner_alone(teams, ana):
    client, other = browser_of(ana), browser_of(staff("bob", "operator", tenants=(teams[0],)))
    kept = save(client, system="Short.", temperature="0.5")
    assert kept.status_code == 302
    page = client.get(kept.url).content.decode()
    for text in (">Hi</textarea>", ">Short.</textarea>", 'value="0.5"', "<strong>mine</strong>"):
        assert text in page
    assert other.get(kept.url).status_code == 404
    assert "mine" not in text_of(other.get(PAGE))
    case = PlaygroundCase.objects.get()
    assert other.post(f"/dashboard/playground/cases/{case.pk}/remove/").status_code == 404
    assert client.post(f"/dashboard/playground/cases/{case.pk}/remove/").status_code == 302
    assert not PlaygroundCase.objects.exists()
    told = AuditEntry.objects.filter(kind="playground case").values_list("action", "object_name", "actor")
    assert set(told) == {("added", "mine", "ana"), ("deleted", "mine", "ana")}
    assert not AuditEntry.objects.filter(changes__icontains="Short.").exists()


def test_a_case_of_the_same_name_is_replaced(ana):
    save(browser_of(ana))
    save(browser_of(ana), prompt="Better")
    assert PlaygroundCase.objects.get().draft["prompt"] == "Better"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": ""}, "name: 1 to 80 printable characters"),
        ({"name": "x" * 81}, "this one has 81"),
        ({"temperature": "hot"}, "temperature: 'hot' is no number"),
        ({"temperature": "nan"}, "temperature: nan is not between 0 and 2"),
        ({"max_tokens": "0"}, "max_tokens: 0 is not between 1 and 1,000,000"),
        ({"max_tokens": "1.5"}, "max_tokens: '1.5' is no whole number"),
        ({"prompt": "x" * 100_001}, "prompt: 100,001 characters, at most 100,000"),
    ],
)
def test_what_cannot_be_kept_names_the_field_and_the_limit(ana, fields, said):
    answer = save(browser_of(ana), **fields)
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert not PlaygroundCase.objects.exists()


def test_cases_are_not_without_number(ana):
    PlaygroundCase.objects.bulk_create(PlaygroundCase(user=ana, name=f"c{n:03}", draft={}) for n in range(100))
    assert "100 cases already" in text_of(save(browser_of(ana)))
    assert save(browser_of(ana), name="c007").status_code == 302


# The page itself


def test_the_page_obeys_the_strict_policy_and_holds_no_markup_of_a_prompt(ana):
    answer = save(browser_of(ana), name="", prompt="</textarea><script>alert(1)</script>", model=["<script>x</script>"])
    page = answer.content.decode()
    assert "script-src 'self'" in answer["content-security-policy"]
    assert "<script>alert" not in page and "<script>x" not in page
    assert not re.search(r"<[^>]+ (style|on\w+)=", page)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))


def test_a_sample_and_columns_come_from_the_address(ana):
    page = browser_of(ana).get(PAGE, {"sample": "1", "model": ["small"] * 6}).content.decode()
    assert "A bat and a ball" in page.split("</textarea>")[0]
    assert page.split("<template")[0].count("data-column") == 4
    assert browser_of(ana).get(PAGE, {"sample": "99999999999"}).status_code == 200


def test_the_headings_of_its_panels_are_questions(ana):
    page = browser_of(ana).get(PAGE).content.decode()
    headings = re.findall(r'<h2 id="(?:cases|code)-title">(.*?)</h2>', page)
    assert len(headings) == 2 and all(heading.endswith("?") for heading in headings)


def test_the_code_leaves_the_key_out(ana):
    page = text_of(browser_of(ana).post(PAGE, {"act": "code", "prompt": "it's", "model": ["small"], "seed": "7"}))
    assert "curl http://testserver/v1/chat/completions" in page
    assert "it'\\''s" in page and "seed=7" in page
    assert "$NEUROROUTE_API_KEY" in page and 'os.environ["NEUROROUTE_API_KEY"]' in page
