"""Which roles are there for people? Groups with fitting rights, made after every `migrate`.

Rights do not exist while migrations run on a fresh database, so the groups are filled when Django has made the rights
of an app. Each right is handed to a role once, and a `RoleGrant` remembers that: what an operator takes from a group,
or a group that is deleted or renamed, stays as the operator left it. On an upgrade, a right that is new (of a new
model, or a new verb) is handed to the roles that it fits. A group that had a role's name before there were roles is
not touched.
People who were staff before there were memberships go on seeing every tenant, through a group of that name.
"""

import logging
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from django.apps import AppConfig
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.db import connections, transaction

from tenants.models import RoleGrant
from tenants.sight import EVERY_TENANT

log = logging.getLogger(__name__)

_SEEN: Final = (  # what everybody with a role may look at: no credentials, no people, no audit log
    *(f"providers.view_{name}" for name in ("provider", "languagemodel", "deployment", "deploymentprice")),
    "providers.view_priceproposal",
    *(f"tenants.view_{name}" for name in ("tenant", "clientkey", "budget")),
    *(f"routing.view_{name}" for name in ("policy", "drillrun")),
    *(f"profiling.view_{name}" for name in ("job", "latencyprofile", "tokencalibration")),
    *(f"feedback.view_{name}" for name in ("rating", "evaluation")),
    "django_celery_beat.view_*",
)
_TELLING: Final = ("tenants.*_alertreceiver", "tenants.view_alertdelivery")
ROLES: Final[Mapping[str, tuple[str, ...]]] = {  # patterns of app.codename
    "viewer": _SEEN,
    "operator": (
        *_SEEN,
        *(f"providers.*_{name}" for name in ("provider", "credential", "languagemodel", "deployment")),
        "providers.view_auditentry",
        "routing.*_policy",
        "routing.add_drillrun",
        *(f"tenants.{verb}_clientkey" for verb in ("add", "change", "delete")),
        "tenants.rotate_key",
        *_TELLING,
        "usage.cancel_request",
        "feedback.add_rating",
        "tenants.use_playground",
        "dashboard.acknowledge",
        "profiling.add_job",
        "profiling.view_system",
        "django_celery_beat.*",
    ),
    "finance": (
        *_SEEN,
        *(f"providers.*_{name}" for name in ("deploymentprice", "priceproposal")),
        "providers.view_auditentry",
        "tenants.*_budget",
        "dashboard.acknowledge",
        *_TELLING,
        *(f"usage.*_{name}" for name in ("invoice", "invoiceline")),
    ),
    "owner": ("*",),
}
_TAKEN: Final = "the name was taken"  # a mark among the grants of a role
EVERYBODYS: Final = "every tenant"  # no role: beside one, it lifts the limit to the tenants of one's memberships


def fill_roles(sender: AppConfig, using: str, **_: Any) -> None:
    """After the migrations of one app: hand its new rights to the roles.

    Django's own receiver of the signal, connected before, has made the rights; where the database is taken to an older
    state it makes none, and there is nothing to hand.
    """
    if RoleGrant._meta.db_table not in connections[using].introspection.table_names():
        return  # another part of the database is migrated alone
    permissions = Permission.objects.using(using).filter(content_type__app_label=sender.label)
    rights = {f"{sender.label}.{one.codename}": one for one in permissions.select_related("content_type")}
    with transaction.atomic(using):
        for role, patterns in ({EVERYBODYS: (EVERY_TENANT,)} | dict(ROLES)).items():
            fitting = {name for name in rights if any(fnmatchcase(name, pattern) for pattern in patterns)}
            if fitting:
                _hand(role, {name: rights[name] for name in fitting}, using)


def _hand(role: str, rights: Mapping[str, Permission], using: str) -> None:
    grants = RoleGrant.objects.using(using)
    handed = set(grants.filter(role=role, permission__in=rights).values_list("permission", flat=True))
    new = [name for name in rights if name not in handed]
    if not new:
        return
    group = _group_of(role, using)
    grants.bulk_create(RoleGrant(role=role, permission=name) for name in sorted(new))
    if group is not None:
        group.permissions.add(*(rights[name] for name in new))


def _group_of(role: str, using: str) -> Group | None:
    """The role's group, made when the role is new; None: an operator's own group has its name, or it is gone."""
    groups = Group.objects.using(using)
    made = RoleGrant.objects.using(using).filter(role=role)
    if made.exists():
        return None if made.filter(permission=_TAKEN).exists() else groups.filter(name=role).first()
    group, fresh = groups.get_or_create(name=role)
    if not fresh:
        log.warning("the group %s was there before the role of that name: it stays as it is", role)
        RoleGrant.objects.using(using).create(role=role, permission=_TAKEN)
        return None
    if role == EVERYBODYS:
        group.user_set.set(get_user_model().objects.using(using).filter(is_staff=True, is_superuser=False))
    return group
