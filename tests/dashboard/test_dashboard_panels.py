"""What every panel keeps, whoever wrote it: found by discovery, drawn without and with data."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.db import DatabaseError
from django.template.loader import get_template, render_to_string
from msgspec import Struct

from dashboard.pages import PAGES
from dashboard.panels.base import Panel, RequestPanel
from dashboard.rendering import panels_of, rendered
from dashboard.scope import Scope, scope_of
from neuroroute.plugins import discover
from tests.dashboard.traffic import day
from usage.outcomes import Outcome

PANELS = discover("dashboard.panels", Panel)
NOW = datetime.now(UTC)
REFUSED = Outcome(
    id="019ab000000070008000000000000001",
    started_us=int(NOW.timestamp() * 1e6),
    tenant_id=1,
    tenant="demo",
    key_id=1,
    key_prefix="nr-demo1",
    status="rejected",
    http_status=429,
    error="RateLimitExceeded",
)

pytestmark = pytest.mark.django_db


def draw(kind: type[Panel], record: Outcome | None = None, **words: str) -> str:
    page = kind.page
    drawn = rendered(kind(), scope_of(page, words, datetime.now(UTC), record))
    assert drawn.body is not None, drawn.problem
    return str(drawn.body)


def records_for(kind: type[Panel]) -> list[Outcome | None]:
    """A refused request and a few told ones for a panel about one request; None for the others."""
    return [REFUSED, *day(NOW, 8)] if issubclass(kind, RequestPanel) else [None]


@pytest.mark.parametrize("kind", PANELS.values(), ids=PANELS)
def test_it_stands_on_a_page_with_a_question_and_a_template(kind):
    assert kind.page in PAGES
    assert kind.title.endswith("?")
    assert get_template(kind().template)


@pytest.mark.parametrize("kind", PANELS.values(), ids=PANELS)
def test_statement_40_its_help_gives_the_formula_and_leads_to_a_section_that_is_there(staff_client, kind):
    assert len(kind.formula) > 40
    where, _, anchor = kind().documentation.partition("#")
    text = staff_client.get(where).content.decode()
    assert len(re.findall(rf'<h[1-6] id="{re.escape(anchor)}"', text)) == 1 and anchor
    for record in records_for(kind)[:1]:
        scope = scope_of(kind.page, {}, datetime.now(UTC), record)
        drawn = render_to_string("dashboard/panel.html", {"panel": rendered(kind(), scope), "scope": scope})
        assert f'href="{kind().documentation}"' in drawn and kind.formula[:30] in unescape(drawn)


@pytest.mark.parametrize("kind", PANELS.values(), ids=PANELS)
def test_it_is_drawn_without_data(kind):
    for record in records_for(kind)[:1]:
        assert draw(kind, record)


@pytest.mark.parametrize("kind", PANELS.values(), ids=PANELS)
def test_it_is_drawn_with_data_and_keeps_to_the_content_security_policy(kind, traffic):
    for record in records_for(kind):
        body = draw(kind, record)
        assert "None" not in re.sub(r"<script.*?</script>|<pre.*?</pre>", "", body, flags=re.DOTALL)
        assert not re.search(r"\sstyle=|\son\w+=|javascript:|<style", body)
        assert all('type="application/json"' in tag for tag in re.findall(r"<script[^>]*>", body))


@pytest.mark.parametrize("kind", PANELS.values(), ids=PANELS)
def test_it_is_drawn_for_a_tenant_that_is_not_there(kind):
    for record in records_for(kind)[:1]:
        assert draw(kind, record, tenant="nobody-of-this-name", range="7d")


def test_every_page_has_panels():
    assert all(panels_of(page) for page in PAGES)


class Broken(Panel):
    name, title, page = "broken", "What now?", "home"

    def __init__(self, error: Exception) -> None:
        self.error = error

    def data(self, scope: Scope) -> Struct:
        raise self.error


@pytest.mark.parametrize(
    ("error", "said"), [(DatabaseError("gone"), "database did not answer"), (KeyError("secret-detail"), "KeyError")]
)
def test_a_panel_that_fails_says_why_and_hides_the_detail(error, said):
    drawn = rendered(Broken(error), scope_of("home", {}, NOW))
    assert drawn.body is None
    assert said in drawn.problem
    assert "secret-detail" not in drawn.problem


def test_panels_that_ask_the_same_share_the_answer():
    asked = []
    scope = scope_of("home", {}, NOW)
    first = scope.ask(asked.append, (NOW, timedelta(1)))
    assert scope.ask(asked.append, (NOW, timedelta(1))) is first
    assert len(asked) == 1
