"""The page of what runs now where workers cannot be asked; before real ones: tests/gateway/test_inflight_page.py."""

import pytest

from routing.inflight import asking


@pytest.fixture
def no_redis(settings):
    """A Redis that is away; nothing listens on its port."""
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    asking._client.cache_clear()
    yield
    asking._client.cache_clear()


def test_with_redis_away_the_page_stands_and_says_that_it_does_not_show_all(staff_client, no_redis):
    shown = staff_client.get("/dashboard/live/").content.decode()
    assert "Redis is away: this worker speaks for itself alone" in shown
    assert "Nothing in flight." in shown and "could not be drawn" not in shown
    assert not asking.live(None).whole


def test_what_is_no_id_of_a_request_or_of_none_that_runs_cannot_be_ended(staff_client, admin_client):
    assert staff_client.get("/dashboard/live/nonsense/cancel/").status_code == 404
    never = f"/dashboard/live/req_{'0' * 32}/cancel/"
    assert staff_client.get(never).status_code == 403  # who may not end anything hears that first
    answer = admin_client.get(never)
    assert answer.status_code == 404 and b"It has ended by itself" in answer.content


def test_the_address_that_is_asked_keeps_the_tenant_of_the_page(staff_client):
    shown = staff_client.get("/dashboard/live/?tenant=nobody&tz=Asia/Kolkata").content.decode()
    assert 'data-url="/dashboard/live/now/?tz=Asia%2FKolkata&amp;tenant=nobody"' in shown
