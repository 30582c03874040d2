"""What the board of findings keeps: since when, and how many."""

from datetime import UTC, datetime, timedelta

import pytest

from dashboard.attention import LATE, Here, check, findings
from dashboard.board import board
from providers.models import Provider
from tenants.models import ClientKey, Tenant

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_var")]
NOW = datetime.now(UTC).replace(microsecond=0)


def test_what_no_fact_dates_is_dated_by_the_check_that_found_it(db):
    first, second = NOW - timedelta(minutes=7), NOW
    for now in (first, second):
        (notice,) = [n for n in check(now).notices if n.about == "no provider"]
        assert notice.since is None and notice.found == first
    assert findings(board(), Here(), NOW).late is False
    assert findings(board(), Here(), NOW + LATE + timedelta(seconds=1)).late


def test_the_board_holds_a_hundred_and_counts_the_rest(db):
    tenant = Tenant.objects.create(name="team")
    for number in range(130):
        Provider.objects.create(name=f"p{number}", wire="openai", base_url="http://127.0.0.1:9/v1", local=True)
    ClientKey.objects.create(tenant=tenant, name="a", prefix="a", digest="a", expires_at=NOW + timedelta(days=1))
    written = check(NOW)
    assert len(written.notices) == 100 and written.more == 31
    assert written.notices[0].level == "ending", "the graver one stays"
