"""What `/v1/models` says is written once per allow list, and anew when the catalogue changes."""

import json
from types import SimpleNamespace

from providers.catalog import build
from routing.api.models import LISTINGS_KEPT, ListingBook
from routing.policybook import PolicyBook
from tenants.callers import Caller
from tests.routing.factories import BALANCED, target

SIGHTED = target("a/one", 1, usd=(1, 2), capabilities=frozenset({"vision", "tools"}), context=8000)
EMBEDDER = target("a/vectors", 2, usd=(0.02, 0), capabilities=frozenset({"embeddings"}))
UNPRICED = target("b/one", 3)


def worker(*targets):
    """As much of a worker as a listing needs."""
    policies = SimpleNamespace(current=PolicyBook({BALANCED.name: BALANCED}))
    return SimpleNamespace(catalog=SimpleNamespace(current=build(targets)), policies=policies)


def caller(*models):
    return Caller(1, "team", 1, "ci", "nr-abc", allow_models=models)


def names(listing):
    assert {name: json.loads(entry)["id"] for name, entry in listing.each.items()} == {n: n for n in listing.each}
    return [row["id"] for row in json.loads(listing.whole)["data"]]


def test_the_routers_names_come_first_then_each_model_once():
    listing = ListingBook().listing(worker(SIGHTED, EMBEDDER, UNPRICED), caller("*"))
    assert names(listing) == ["auto", "auto:balanced", "one", "vectors"]
    one, vectors = json.loads(listing.each["one"]), json.loads(listing.each["vectors"])
    assert (one["providers"], one["capabilities"], one["context_length"]) == (["a", "b"], ["tools", "vision"], 8000)
    assert one["pricing"] == {"prompt": "0.000001", "completion": "0.000002"}
    assert vectors["capabilities"] == ["embeddings"] and isinstance(vectors["created"], int)


def test_an_allow_list_shows_its_own_and_no_other():
    book, now = ListingBook(), worker(SIGHTED, EMBEDDER)
    assert "vectors" not in names(book.listing(now, caller("one")))
    assert "one" not in names(book.listing(now, caller("vec*")))
    assert book.listing(now, caller("one")) is book.listing(now, caller("one"))


def test_a_new_catalogue_is_listed_anew():
    book, now = ListingBook(), worker(SIGHTED)
    assert "vectors" not in names(book.listing(now, caller("*")))
    now.catalog.current = build([SIGHTED, EMBEDDER])
    assert "vectors" in names(book.listing(now, caller("*")))


def test_only_so_many_listings_are_kept():
    book, now = ListingBook(), worker(SIGHTED)
    first = book.listing(now, caller("model-0"))
    for number in range(1, LISTINGS_KEPT + 1):
        book.listing(now, caller(f"model-{number}"))
    assert book.listing(now, caller("model-0")) is not first
