"""What older routers' clients say of responses: kept on one scale, listed to their own tenant alone."""

import math

import pytest
from django.utils import timezone

from feedback.errors import InvalidRating
from feedback.evaluations import NewEval, NewFeedback, Opinion, keep_eval, keep_feedback, listing
from tenants.models import Tenant

pytestmark = pytest.mark.django_db


@pytest.fixture
def tenant():
    return Tenant.objects.create(name="team")


def opine(tenant, rating=5.0, model="demo", **more):
    texts = {"prompt": "Why?", "response": "Because."} | more
    new = NewFeedback(model, texts["prompt"], texts["response"], Opinion(rating, "truth", "good"))
    return keep_feedback(new, tenant.pk, 1, timezone.now())


def test_opinions_and_tests_are_on_the_scale_of_ratings(tenant):
    assert [opine(tenant, rating).score for rating in (1, 3, 4, 5)] == [-1, 0, 0.5, 1]
    tests = [keep_eval(NewEval("demo", "p", "r", score), tenant.pk, 1, timezone.now()).score for score in (0, 0.5, 1)]
    assert tests == [-1, 0, 1]


@pytest.mark.parametrize("rating", [0, 5.1, -3, math.nan, math.inf])
def test_a_rating_out_of_range_is_refused(tenant, rating):
    with pytest.raises(InvalidRating) as raised:
        opine(tenant, rating)
    assert raised.value.param == "feedback.rating"


@pytest.mark.parametrize(
    ("fields", "param"),
    [({"prompt": "x" * 20_001}, "prompt"), ({"response": "a\0b"}, "response"), ({"model": ""}, "modelId")],
)
def test_texts_that_cannot_be_kept_are_refused_by_name(tenant, fields, param):
    with pytest.raises(InvalidRating) as raised:
        opine(tenant, **fields)
    assert raised.value.param == param
    assert listing("feedback", tenant.pk, None, None, 10) == []


def test_lists_are_ones_own_newest_first_and_come_in_pages(tenant):
    other = Tenant.objects.create(name="other")
    opine(other)
    ids = [opine(tenant, model=model).id for model in ("a", "b", "a")]
    keep_eval(NewEval("a", "p", "r", 1), tenant.pk, 1, timezone.now())
    first = listing("feedback", tenant.pk, None, None, 2)
    assert [row.id for row in first] == [ids[2], ids[1]]
    assert [row.id for row in listing("feedback", tenant.pk, None, first[-1].id, 2)] == [ids[0]]
    assert [row.id for row in listing("feedback", tenant.pk, "a", None, 10)] == [ids[2], ids[0]]
    assert len(listing("eval", tenant.pk, None, None, 10)) == 1
