"""The documentation as pages of the dashboard: all of it, with links that hold, and nothing from elsewhere."""

import re
from html import unescape

import pytest
from django.test import Client

from dashboard import documents
from providers.models import LanguageModel
from tests.dashboard.browsing import looking
from tests.looks import SIZES, looked_at

NAMES = documents.names()


@pytest.mark.django_db
@pytest.mark.parametrize("name", NAMES)
def test_every_link_of_a_document_leads_to_a_page_and_a_heading_that_are_there(staff_client: Client, name: str) -> None:
    answer = staff_client.get(documents.address(name))
    text = answer.content.decode()
    assert answer.status_code == 200 and documents.document(name).title in unescape(text)
    body = str(documents.document(name).body)
    prose = re.sub(r"<code.*?</code>", "", body, flags=re.DOTALL)
    assert not re.search(r"<script|javascript:|\son\w+=|\sstyle=|<img", prose)
    for link in re.findall(r'href="([^"]*)"', body):
        place, _, anchor = unescape(link).partition("#")
        if not link.startswith("http") and place != "/dashboard/help/":
            other = documents.document(place.removeprefix("/dashboard/help/").rstrip("/") or name)
            assert not anchor or anchor in other.anchors, link


def test_html_and_scripts_of_a_file_are_shown_as_text(tmp_path, monkeypatch) -> None:
    evil = "# <b>Bold</b>\n\n<script>alert(1)</script> [go](javascript:alert(1)) [out](../../etc/passwd) [on](bad.md)\n"
    (tmp_path / "bad.md").write_text(evil)
    monkeypatch.setattr(documents, "FOLDER", tmp_path)
    documents.names.cache_clear(), documents.document.cache_clear()
    try:
        body = str(documents.document("bad").body)
    finally:
        documents.names.cache_clear(), documents.document.cache_clear()
    assert "<script" not in body and "<b>" not in body and 'href="javascript' not in body and "passwd" not in body
    assert '<a href="/dashboard/help/bad/">on</a>' in body


@pytest.mark.django_db
def test_a_name_that_is_none_is_not_found_and_strangers_sign_in(staff_client: Client, client: Client) -> None:
    assert staff_client.get("/dashboard/help/").status_code == 200
    for name in ("nothing", "../README", "adr", "%2e%2e/settings"):
        assert staff_client.get(f"/dashboard/help/{name}/").status_code == 404, name
    assert Client().get("/dashboard/help/budgets/").status_code == 302
    found = staff_client.get("/dashboard/find/", {"q": "budgets"}).content.decode()
    assert "/dashboard/help/budgets/" in found


def test_statement_27_everybody_can_read_it(chromium, live_server, signed_in) -> None:
    with looking(chromium, live_server.url, signed_in, viewport=SIZES["desktop"]) as (page, problems):
        for name in ("", "dashboard/", "running-in-production/"):
            page.goto(f"/dashboard/help/{name}")
            assert looked_at(page, f"help-{name.strip('/') or 'index'}") == []
            page.set_viewport_size({"width": 320, "height": 640})
            assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
        assert problems == []


@pytest.mark.django_db
def test_a_model_is_found_by_its_alias(staff_client: Client) -> None:
    LanguageModel.objects.create(name="gemma-3-27b", aliases=["chat-default", "house"])
    for typed in ("chat-default", "Chat-D"):
        found = staff_client.get("/dashboard/find/", {"q": typed}).content.decode()
        assert "leads to gemma-3-27b" in found and "Did you mean" not in found and ">house<" not in found
        assert "model=gemma-3-27b" in found
