"""How does a form outside of the admin write its row? As the admin does: with an audit row, and live in a second."""

from typing import Any

from django.db import transaction
from django.db.models import Model
from django.forms import ModelForm

from providers import audit, revisions


def add(form: "ModelForm[Any]", actor: audit.Actor, reason: str, part: str = "") -> Any:
    """Save a new row. `part` is one of `providers.revisions`; empty: of what no worker keeps."""
    with transaction.atomic():
        row = form.save()
        _note(row, "added", audit.added(row), actor, reason, part)
    return row


def change(form: "ModelForm[Any]", action: str, actor: audit.Actor, reason: str, part: str = "") -> None:
    """Save the form's row, which is stored; silent where nothing differs from what is."""
    with transaction.atomic():
        before = audit.state(type(form.instance)._base_manager.get(pk=form.instance.pk))
        row = form.save()
        if changes := audit.difference(before, audit.state(row)):
            _note(row, action, changes, actor, reason, part)


def _note(row: Model, action: str, changes: audit.Changes, actor: audit.Actor, reason: str, part: str) -> None:
    audit.record(actor, action, row, changes, reason)
    if part:
        revisions.bump(part)
