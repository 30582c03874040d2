"""What does a person keep of the playground? A prompt with its columns, under a name."""

from typing import Any, Final

from django.conf import settings
from django.db import models, transaction
from msgspec import to_builtins

from dashboard.drafts import BadDraft, Draft, draft_from
from providers import audit

MOST: Final = 100  # of one person
LONGEST_NAME: Final = 80


class PlaygroundCase(models.Model):
    """One kept draft of one person; nobody else sees it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=LONGEST_NAME)
    draft: Any = models.JSONField()  # `dashboard.drafts.Draft`
    saved_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        default_permissions = ()  # everyone's own, through the playground
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="playground_case_once_per_name")]

    def __str__(self) -> str:
        return self.name


def cases_of(user: Any) -> list[PlaygroundCase]:
    """What this person kept, by name."""
    return list(PlaygroundCase.objects.filter(user_id=user.pk)[:MOST])


def opened(case: PlaygroundCase) -> Draft:
    """The draft as it was kept."""
    return draft_from(case.draft)


def save(user: Any, name: str, draft: Draft, actor: audit.Actor) -> PlaygroundCase:
    """Keep the draft under the name, in place of the one that had it; raises `BadDraft`."""
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise BadDraft(f"name: 1 to {LONGEST_NAME} printable characters; this one has {len(name)}")
    own = PlaygroundCase.objects.filter(user_id=user.pk)
    with transaction.atomic():
        if own.count() >= MOST and not own.filter(name=name).exists():
            raise BadDraft(f"name: you keep {MOST} cases already, the most there may be; remove one first")
        kept, made = own.update_or_create(user_id=user.pk, name=name, defaults={"draft": to_builtins(draft)})
        # Its name alone: a prompt is the person's own, and the audit log is read by others.
        audit.record(actor, "added" if made else "changed", kept, {"draft": [None, "kept"]})
    return kept


def remove(user: Any, case_id: int, actor: audit.Actor) -> bool:
    """Remove one of the person's own; False: there is none of this id."""
    with transaction.atomic():
        kept = PlaygroundCase.objects.filter(user_id=user.pk, pk=case_id).first()
        if kept is None:
            return False
        audit.record(actor, "deleted", kept, {"draft": ["kept", None]})
        kept.delete()
    return True
