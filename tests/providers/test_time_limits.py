"""Time limits: the kind of deployment decides what its operator leaves open, what is given stands."""

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection

from providers.adminforms import DeploymentForm
from providers.catalog import load_catalog
from providers.models import Deployment, LanguageModel, Provider
from providers.targets import Timeouts
from providers.timelimits import PHASES, default_time_limits, time_limits

migration = import_module("providers.migrations.0005_time_limits_by_kind")
NOTHING = dict.fromkeys(PHASES)


def deployment(local=False, **fields):
    owner = Provider.objects.create(name="acme", wire="openai", base_url="https://acme.test/v1", local=local)
    model = LanguageModel.objects.create(name="m")
    return Deployment.objects.create(provider=owner, model=model, upstream_model="m", **fields)


def test_the_kind_decides_what_nobody_said():
    chat, thinker = time_limits(NOTHING, ["tools"], False), time_limits(NOTHING, ["reasoning"], False)
    here, vectors = time_limits(NOTHING, ["tools"], True), time_limits(NOTHING, ["embeddings"], False)
    assert chat == Timeouts(3, 30, 300, 60, 30, 600)
    assert thinker.first_token_s > chat.first_token_s and thinker.stall_s > chat.stall_s
    assert here.first_byte_s >= 300 and here.first_token_s >= 300, "a model that must be loaded gets the time"
    assert vectors.total_s < chat.total_s
    assert time_limits(NOTHING, ["embeddings"], True).whole_s >= 300


def test_a_whole_answer_may_take_as_long_as_its_generation():
    for local in (False, True):
        for capabilities in ((), ("reasoning",)):
            limits = default_time_limits(capabilities, local)
            assert limits.first_byte_s < limits.whole_s < limits.total_s


def test_a_first_byte_that_is_given_is_that_of_whole_answers_too():
    limits = time_limits(NOTHING | {"first_byte": 5.0}, (), False)
    assert (limits.first_byte_s, limits.whole_s) == (5, 5)
    assert (limits.connect_s, limits.first_token_s, limits.total_s) == (3, 60, 600)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"total": 20.0}, Timeouts(3, 20, 20, 20, 20, 20)),
        ({"total": 1.0}, Timeouts(1, 1, 1, 1, 1, 1)),
        ({"first_byte": 120.0}, Timeouts(3, 120, 120, 120, 30, 600)),
        ({"first_token": 900.0}, Timeouts(3, 30, 300, 900, 30, 900)),
        ({"first_token": 10.0}, Timeouts(3, 10, 300, 10, 30, 600)),
        ({"stall": 0.5}, Timeouts(3, 30, 300, 60, 0.5, 600)),
    ],
)
def test_what_is_given_stands_and_the_rest_fits_it(given, expected):
    assert time_limits(NOTHING | given, (), False) == expected


@pytest.mark.django_db
def test_a_target_has_the_limits_of_its_kind():
    deployment(local=True, capabilities=["tools"], stall_timeout_s=7)
    (target,) = load_catalog().targets
    assert (target.timeouts.stall_s, target.timeouts.first_token_s) == (7, 300)


@pytest.mark.django_db
def test_an_empty_field_shows_what_holds():
    fields = DeploymentForm(instance=deployment(local=True)).fields
    assert fields["first_token_timeout_s"].widget.attrs["placeholder"] == "300"
    assert not fields["first_token_timeout_s"].required
    assert DeploymentForm().fields["first_token_timeout_s"].widget.attrs["placeholder"] == "60"


@pytest.mark.django_db
def test_a_value_that_was_only_the_former_default_becomes_empty():
    former = {"connect": 3.0, "first_byte": 30.0, "first_token": 60.0, "stall": 31.0, "total": 600.0}
    row = deployment(**{f"{phase}_timeout_s": value for phase, value in former.items()})
    migration.empty_what_nobody_chose(apps, SimpleNamespace(connection=connection))
    row.refresh_from_db()
    assert [getattr(row, f"{phase}_timeout_s") for phase in PHASES] == [None, None, None, 31.0, None]
