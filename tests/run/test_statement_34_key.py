"""Statement 34 in a browser: a client key is made, copied, used, reopened, rotated, and read about in the audit log."""

import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browsers import Chromium
from tests.run.installation import Installation, wait_until

OVERLAP = timedelta(hours=1)


@pytest.fixture(scope="module")
def page(chromium: Chromium, running: Installation) -> Iterator[Page]:
    """Signed in, and with a clipboard."""
    with chromium.context(base_url=running.url, viewport={"width": 1280, "height": 900}) as context:
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        opened = context.new_page()
        opened.goto("/admin/")
        opened.fill("input[name=username]", running.first_run["NEUROROUTE_ADMIN_USER"])
        opened.fill("input[name=password]", running.first_run["NEUROROUTE_ADMIN_PASSWORD"])
        opened.press("input[name=password]", "Enter")
        opened.wait_for_url("**/admin/")
        yield opened


def copied(page: Page, what: str) -> str:
    """Press the button beside a field by its key; what the clipboard then holds is what the field shows."""
    page.locator(f"#{what} + button").press("Enter")
    expect(page.locator(f"#{what} + button")).to_have_text("Copied")
    held = str(page.evaluate("navigator.clipboard.readText()"))
    assert held == page.locator(f"#{what}").input_value()
    return held


def status_with(running: Installation, key: str) -> int:
    return httpx.get(f"{running.url}/v1/models", headers={"authorization": f"Bearer {key}"}, timeout=10).status_code


def field(page: Page, name: str) -> str:
    """What a key's page says beside a name."""
    return page.locator("#content-main").inner_text().partition(name)[2][:40]


def audit_of(page: Page, running: Installation, reason: str) -> dict[str, str]:
    """The entries of the audit log with this reason: action -> everything that its page says."""
    found = {}
    page.goto(f"/admin/providers/auditentry/?q={reason.replace(' ', '+')}")
    links = page.locator("#result_list tbody a").evaluate_all("all => all.map(a => a.href)")
    for address in dict.fromkeys(one for one in links if "/change/" in one):
        page.goto(address)
        text = page.locator("#content-main").inner_text()
        if reason in text:
            found[next(word for word in ("rotated", "revoked", "added", "changed") if word in text)] = text
    return found


@pytest.fixture(scope="module")
def made(page: Page) -> tuple[str, str, str]:
    """The key, its curl, and the address of its page; made with the keyboard alone but for the fields' focus."""
    page.goto("/admin/tenants/tenant/")
    page.locator("#result_list tbody th a").first.press("Enter")
    page.get_by_role("link", name="New client key").press("Enter")
    page.locator("[name=name]").fill("nightly")
    page.locator("[name=lifetime]").select_option("30")
    page.locator("[name=reason]").fill("the nightly report")
    page.locator("[name=name]").press("Enter")
    page.locator("#client-key").wait_for()
    key, curl = copied(page, "client-key"), copied(page, "client-curl")
    assert key.startswith("nr-") and key in curl
    page.get_by_role("link", name="I have copied it").press("Enter")
    page.wait_for_url("**/change/")
    return key, curl, page.url


def test_statement_34_the_curl_beside_a_new_key_works_as_it_was_copied(made: tuple[str, str, str]) -> None:
    shell = ["bash", "-c", made[1].replace("curl ", "curl -s -o /dev/stderr -w '%{http_code}' ", 1)]
    done = subprocess.run(shell, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "200" and "Sandbox text" in done.stderr


def test_statement_34_reopened_it_shows_prefix_last_use_and_expiry_and_the_key_no_more(
    page: Page, made: tuple[str, str, str], running: Installation
) -> None:
    key, _, address = made
    used = lambda: page.goto(address) and re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d", field(page, "Last used"))  # noqa: E731
    assert wait_until(used, 20), field(page, "Last used")
    text = page.content()
    assert key[:11] in text and key not in text and key[12:] not in text
    expires = page.locator("[name=expires_at_0]").input_value()
    assert abs(datetime.fromisoformat(expires).date() - datetime.now(UTC).date() - timedelta(days=30)) <= timedelta(1)
    for elsewhere in ("/admin/tenants/clientkey/", "/dashboard/usage/", "/dashboard/requests/"):
        page.goto(elsewhere)
        assert key[:11] in page.content() and key[12:] not in page.content(), elsewhere


def test_statement_34_a_rotation_keeps_the_old_one_for_the_chosen_overlap_and_all_is_in_the_audit_log(
    page: Page, made: tuple[str, str, str], running: Installation
) -> None:
    old, _, address = made
    page.goto(address)
    page.get_by_role("link", name="Rotate").press("Enter")
    page.get_by_text("used it in the last hour").wait_for()
    page.locator("[name=overlap]").select_option("1")
    page.locator("[name=reason]").fill("a leak in a notebook")
    page.locator("[name=reason]").press("Enter")
    page.locator("#client-key").wait_for()
    until = re.search(r"works until (\d{4}-\d\d-\d\d \d\d:\d\d) UTC", page.locator("#content").inner_text())[1]
    ends = datetime.fromisoformat(until).replace(tzinfo=UTC)
    assert abs(ends - datetime.now(UTC) - OVERLAP) <= timedelta(minutes=2)
    new = copied(page, "client-key")
    assert new != old and {status_with(running, key) for key in (old, new)} == {200}

    added = audit_of(page, running, "the nightly report")["added"]
    assert "nightly" in added and "admin" in added and "127.0.0.1" in added and "Before" in added and "After" in added
    log = audit_of(page, running, "a leak in a notebook")
    assert set(log) == {"rotated", "added"}
    assert "expires_at" in log["rotated"] and until[:10] in log["rotated"] and "127.0.0.1" in log["rotated"]
    assert not any(key[12:] in text for text in (added, *log.values()) for key in (old, new))

    page.goto(address)
    page.get_by_role("link", name="Revoke").press("Enter")
    page.get_by_text("refused within a second, for good").wait_for()
    page.locator("[name=reason]").fill("the notebook is public")
    page.get_by_role("button", name="Revoke").press("Enter")
    page.wait_for_url("**/change/")
    assert wait_until(lambda: status_with(running, old) == 401, 5) and status_with(running, new) == 200
    revoked = audit_of(page, running, "the notebook is public")
    assert len(revoked) == 1 and "revoked_at" in next(iter(revoked.values()))
