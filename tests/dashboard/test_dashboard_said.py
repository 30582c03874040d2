"""What was said in a request: read as text, by who may, and found in every form."""

import json
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dashboard.said import said_in
from providers.models import AuditEntry
from tenants.models import Tenant
from tests.dashboard.traffic import outcome
from tests.people import browser_of, staff
from usage.journal import Journal
from usage.outcomes import Kept, Outcome


@pytest.fixture
def kept(db: None, own_var: Path) -> Outcome:
    """An answer of a tenant that keeps what was said."""
    tenant = Tenant.objects.create(name="team-a", keep_bodies_days=7)
    lines = "\n".join(f"line {n}" for n in range(1, 31))
    prompt = json.dumps(
        {"model": "auto", "messages": [{"role": "user", "content": f"<script>alert(1)</script>\n{lines}"}]}
    )
    answer = json.dumps({"choices": [{"message": {"role": "assistant", "content": "**bold** <b>no</b>"}}]})
    record = outcome(datetime.now(UTC), random.Random(), tenant_id=tenant.pk, tenant=tenant.name, status="answered")
    record.kept = Kept(prompt.encode(), answer.encode())
    journal = Journal(own_var / "spool", f"test-{record.id}")
    journal.write(record)
    journal.close()
    return record


def test_what_was_said_is_read_as_text_by_who_may_and_the_audit_log_has_it(kept: Outcome) -> None:
    address = f"/dashboard/requests/req_{kept.id}/"
    owner = browser_of(staff("olga", "owner"))
    page = owner.get(address).content.decode()
    assert "Read what was said" in page and "alert(1)" not in page and "line 1" not in page
    page = owner.post(f"{address}read/").content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page and "**bold** &lt;b&gt;no&lt;/b&gt;" in page
    assert "The rest of its 31 lines" in page
    first, _, rest = page.partition("The rest of its 31 lines")
    assert "line 19\n" not in rest.partition("</details>")[0] and "line 20\n" in rest
    assert "What was said is not kept" not in page  # the command has the body itself
    assert owner.get(f"{address}read/").url == address  # a link, or a reload by hand, reads nothing
    entry = AuditEntry.objects.get(action="read")
    assert (entry.actor, entry.kind, entry.object_name) == ("olga", "request", f"req_{kept.id}")


def test_what_was_said_is_closed_to_others_and_a_tenant_that_keeps_nothing_names_the_setting(kept: Outcome) -> None:
    tenant, address = Tenant.objects.get(), f"/dashboard/requests/req_{kept.id}/"
    operator = browser_of(staff("otto", "operator", tenants=(tenant,)))
    assert "the right to read prompts and answers" in operator.get(address).content.decode()
    assert operator.post(f"{address}read/").status_code == 403
    assert not AuditEntry.objects.filter(action="read").exists()
    Tenant.objects.update(keep_bodies_days=0)
    for page in (operator.get(address), browser_of(staff("olga", "owner")).post(f"{address}read/")):
        text = page.content.decode()
        assert "keep_bodies_days" in text and "are not kept" in text and "alert(1)" not in text


RESPONSES = {"output": [{"role": "assistant", "content": [{"type": "output_text", "text": "yo"}]}]}
PICTURE = [{"role": "user", "content": [{"type": "image", "source": {}}]}]
CALL = [{"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}]
FORMS = {
    "responses": ({"input": "hi", "instructions": "be kind"}, json.dumps(RESPONSES), ["be kind", "hi", "yo"]),
    "messages, streamed": (
        {"system": [{"type": "text", "text": "be kind"}], "messages": PICTURE},
        'event: x\ndata: {"delta": {"type": "text_delta", "text": "y"}}\n\ndata: {"delta": {"text": "o"}}\n\n',
        ["be kind", "[image]", "yo"],
    ),
    "responses, streamed": (
        {"messages": CALL},
        'data: {"type": "response.output_text.delta", "delta": "yo"}\n\ndata: [DONE]\n',
        ["[calls f] {}", "yo"],
    ),
}


@pytest.mark.parametrize(("prompt", "answer", "said"), FORMS.values(), ids=FORMS)
def test_the_texts_are_found_in_every_form(prompt: dict[str, object], answer: str, said: list[str]) -> None:
    found = said_in(Kept(json.dumps(prompt).encode(), answer.encode()))
    assert [one.text for one in (*found.prompt, *found.answer)] == said


def test_what_was_cut_in_the_middle_of_its_json_is_shown_as_it_is() -> None:
    found = said_in(Kept(b'{"messages": [{"ro', b"", cut=True))
    assert [one.text for one in found.prompt] == ['{"messages": [{"ro'] and found.cut
