"""Whose rows may a person see? Asked by the dashboard and by the admin; callers with keys are `tenants.callers`."""

from typing import Any, Final, TypeVar

from django.db.models import Model, Q, QuerySet

from tenants.people import Membership

Row = TypeVar("Row", bound=Model)
Sight = frozenset[int] | None  # ids of tenants; None: every tenant
EVERY_TENANT: Final = "tenants.see_every_tenant"
ELSEWHERE: Final = "this person is a member of tenants that you do not see"


def sight_of(user: Any) -> Sight:
    """Every tenant with the permission for it (a superuser has it), else those that the person is a member of.

    Without either it is none: a membership that ends, or a tenant that is deleted, never opens what was closed.
    Like Django's permissions it is kept on the object that stands for the person, which is another for each request.
    """
    if user.has_perm(EVERY_TENANT):
        return None
    if not hasattr(user, "_sight"):
        user._sight = frozenset(Membership.objects.filter(user_id=user.pk).values_list("tenant_id", flat=True))
    sight: Sight = user._sight
    return sight


def belongs_elsewhere(person_id: int, sight: Sight) -> bool:
    """Whether a person is a member of tenants out of sight, too."""
    return sight is not None and Membership.objects.filter(user_id=person_id).exclude(tenant_id__in=sight).exists()


def people_seen(rows: QuerySet[Row], sight: Sight, oneself: int | None) -> QuerySet[Row]:
    """Those of `rows`, which are people, who are members of a tenant in sight, and oneself."""
    if sight is None:
        return rows
    members = Membership.objects.filter(tenant_id__in=sight).values("user_id")
    return rows.filter(Q(pk__in=members) | Q(pk=oneself))


def seen(rows: QuerySet[Row], sight: Sight, path: str) -> QuerySet[Row]:
    """Those of `rows` whose tenant, found by `path`, is in sight."""
    return rows if sight is None else rows.filter(**{f"{path}__in": sight})
