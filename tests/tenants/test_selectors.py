"""Names for pages: of a few client keys, and of the thousands that a big installation has."""

import pytest

from tenants.models import ClientKey, Tenant
from tenants.selectors import MANY, key_labels


@pytest.fixture
def keys(db: None) -> dict[int, str]:
    """Twice as many as are named one by one: id -> how it is called."""
    tenant = Tenant.objects.create(name="team-a")
    names = [f"key {number}" for number in range(2 * MANY)]
    made = [ClientKey(tenant=tenant, name=name, prefix=f"nr-{name}", digest=name) for name in names]
    return {key.pk: f"team-a/{key.name}" for key in ClientKey.objects.bulk_create(made)}


@pytest.mark.parametrize("wanted", [3, MANY + 50])
def test_those_that_are_asked_for_are_named_and_no_others(keys: dict[int, str], wanted: int) -> None:
    chosen = sorted(keys)[::-2][:wanted] + sorted(keys)[:MANY:2]
    ids = set(chosen[:wanted])
    assert key_labels(ids) == {key: keys[key] for key in ids}


def test_one_that_is_gone_is_missing(keys: dict[int, str]) -> None:
    gone = max(keys) + 10_000_000
    assert key_labels({*keys, gone}) == keys
    assert key_labels(frozenset()) == {}
