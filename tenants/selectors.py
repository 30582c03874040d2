"""Which tenants and client keys are there, and what is left of their budgets? For pages and reports; the data plane
reads `tenants.keyring`."""

from collections import defaultdict
from collections.abc import Iterable, Set
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db.models import BigIntegerField, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Concat
from msgspec import Struct

from tenants.budgets import USD, Budget, BudgetWindow
from tenants.models import ClientKey, Membership, Tenant, own
from tenants.periods import Period, Span, span_of
from tenants.sight import EVERY_TENANT, Sight, seen

_EVERY: Final = 0  # no tenant's id
MANY: Final = 200  # ids that are named one by one; beyond, all between the least and the greatest are read
DENSE: Final = 4  # unless there are so many times as many of those


class KeyName(Struct, frozen=True):
    """How a client key is called; never its secret."""

    id: int
    prefix: str
    name: str
    tenant: str


class Seen(Struct, frozen=True):
    """The tenants that a person sees: `sight` as `tenants.sight` has it, and their names by id, in the order of names.

    `samples` are the names of those whose traffic is a sample's.
    """

    sight: Sight
    names: dict[int, str]
    samples: frozenset[str]


class BudgetState(Struct, frozen=True):
    """A budget in its present window; amounts in nano-dollars or tokens, as `unit` says."""

    id: int
    tenant_id: int
    tenant: str
    name: str
    key_id: int | None
    key: str  # its name; empty: all keys together
    tag: str
    unit: str
    period: str
    hard: bool
    alerts: tuple[int, ...]
    limit: int
    spent: int
    reserved: int  # by running requests, and in the hands of workers
    span: Span
    counted_from: int  # seconds since the epoch: when the window began, or the budget was made if that was later
    zone: str  # the tenant's, whose midnights end its windows

    @property
    def remaining(self) -> int:
        return max(self.limit - self.spent - self.reserved, 0)

    @property
    def used_percent(self) -> float:
        """Of the limit; all of it where there is nothing to spend."""
        return self.spent * 100 / self.limit if self.limit else 100.0

    def text_of(self, amount: int) -> str:
        """An amount of its unit as a plain number: dollars, or tokens."""
        return f"{Decimal(amount).scaleb(-9).normalize():f}" if self.unit == USD else str(amount)


def tenants_in(sight: Sight) -> QuerySet[Tenant]:
    """Those in sight that somebody configured: what the operator's API reaches."""
    return seen(Tenant.objects.filter(own()), sight, "pk")


def tenant_names(sight: Sight = None) -> dict[int, str]:
    """The name of every tenant in sight by its id, in the order of names."""
    return dict(seen(Tenant.objects.order_by("name"), sight, "pk").values_list("pk", "name"))


def own_tenants() -> frozenset[int]:
    """The tenants that somebody configured: those whose traffic is in the totals."""
    return frozenset(Tenant.objects.filter(own()).values_list("pk", flat=True))


def tenants_seen_by(user: Any) -> Seen:
    """`sight_of` a person, and those tenants, in one query: what every page of the dashboard begins with.

    It asks for the permission where Django's own backend keeps it, as the person's or as a group's.
    """
    if user.is_superuser:
        return _seen(Tenant.objects.values_list("pk", "name", "demo"))
    app, codename = EVERY_TENANT.split(".")
    granted = Permission.objects.filter(
        Q(user=user.pk) | Q(group__user=user.pk), content_type__app_label=app, codename=codename
    )
    member = Membership.objects.filter(user=user.pk, tenant=OuterRef("pk"))
    mark = granted.annotate(key=Value(_EVERY, BigIntegerField()), called=Value(""), sample=Value(False))
    shown = Tenant.objects.filter(Exists(granted) | Exists(member)).order_by().values_list("pk", "name", "demo")
    return _seen(mark.values_list("key", "called", "sample").order_by().union(shown), every=False)


def _seen(rows: Iterable[tuple[int, str, bool]], every: bool = True) -> Seen:
    """`every`: no row has to say that it is every tenant."""
    found = {pk: (name, sample) for pk, name, sample in sorted(rows, key=lambda row: row[1])}
    every = found.pop(_EVERY, None) is not None or every
    names = {pk: name for pk, (name, _) in found.items()}
    samples = frozenset(name for name, sample in found.values() if sample)
    return Seen(None if every else frozenset(names), names, samples)


def key_labels(ids: Set[int]) -> dict[int, str]:
    """`tenant/key name` of these client keys; one that was deleted is missing."""
    rows = ClientKey.objects.filter(_near(ids)).values_list("pk", "tenant__name", "name")
    return {pk: f"{tenant}/{name}" for pk, tenant, name in rows if pk in ids}


def _near(ids: Set[int]) -> Q:
    """These, perhaps with others between them: to name thousands one by one takes longer than to read the rest too."""
    if len(ids) > MANY and max(ids) - min(ids) < DENSE * len(ids):
        return Q(pk__range=(min(ids), max(ids)))
    return Q(pk__in=ids)


def key_label(key_id: int, sight: Sight) -> str:
    """`tenant/key name` of one client key in sight; empty: there is none."""
    rows = seen(ClientKey.objects.filter(pk=key_id), sight, "tenant").values_list("tenant__name", "name")
    return next((f"{tenant}/{name}" for tenant, name in rows), "")


def key_named(text: str, sight: Sight) -> int | None:
    """The id of the client key in sight with this prefix, or that is called so: `tenant/key name`."""
    tenant, _, name = text.partition("/")
    called = ClientKey.objects.filter(Q(prefix=text) | Q(tenant__name=tenant, name=name))
    return seen(called, sight, "tenant").values_list("pk", flat=True).first()


def key_tenants(ids: set[int]) -> dict[int, int]:
    """The id of the tenant of each of these client keys that is there."""
    return dict(ClientKey.objects.filter(pk__in=ids).values_list("pk", "tenant_id"))


def keys_called(text: str, sight: Sight, limit: int) -> list[KeyName]:
    """Client keys in sight whose prefix, or `tenant/name`, holds `text`, the revoked too: records name them."""
    whole = Concat("tenant__name", Value("/"), "name")
    called = ClientKey.objects.annotate(called=whole).filter(Q(prefix__icontains=text) | Q(called__icontains=text))
    rows = seen(called, sight, "tenant").order_by("prefix").values_list("pk", "prefix", "name", "tenant__name")
    return [KeyName(*row) for row in rows[:limit]]


def members_called(text: str, tenant: Tenant) -> list[Any]:
    """The active members of a tenant with this user name, else all with this e-mail address."""
    people = get_user_model().objects.filter(memberships__tenant=tenant, is_active=True).order_by("username")
    return list(people.filter(username=text)) or list(people.filter(email__iexact=text).exclude(email=""))


def budget_states(now: datetime, tenant_id: int | None = None, *, apart: bool = False) -> list[BudgetState]:
    """What is left of every budget of live tenants, or of one tenant's, in two queries.

    `apart`: those of tenants that are kept apart too.
    """
    rows = Budget.objects.filter(tenant__enabled=True).select_related("tenant", "key")
    rows = rows if apart or tenant_id is not None else rows.filter(own("tenant__"))
    return states_of(list(rows if tenant_id is None else rows.filter(tenant_id=tenant_id)), now)


def states_of(budgets: list[Budget], now: datetime) -> list[BudgetState]:
    """What is left of each of these budgets, read with tenant and key; one query."""
    starts = {span_of(Period(row.period), row.tenant.time_zone, now.timestamp()).start for row in budgets}
    windows: dict[int, list[BudgetWindow]] = defaultdict(list)
    for window in BudgetWindow.objects.filter(budget__in=budgets, start__in=starts):
        windows[window.budget_id].append(window)
    return [state_of(row, windows[row.pk], now) for row in budgets]


def state_of(row: Budget, windows: Iterable[BudgetWindow], now: datetime) -> BudgetState:
    """A budget as it stands now; `windows` are its own, with the present one among them if there is one."""
    span = span_of(Period(row.period), row.tenant.time_zone, now.timestamp())
    window = next((each for each in windows if each.start == span.start), None)
    return BudgetState(
        id=row.pk,
        tenant_id=row.tenant_id,
        tenant=row.tenant.name,
        name=str(row),
        key_id=row.key_id,
        key=row.key.name if row.key else "",
        tag=row.tag,
        unit=row.unit,
        period=row.period,
        hard=row.hard,
        alerts=tuple(sorted(row.alerts)),
        limit=row.limit,
        spent=window.spent if window else 0,
        reserved=window.leased if window else 0,
        span=span,
        counted_from=max(span.start, int(row.created_at.timestamp())),
        zone=row.tenant.time_zone,
    )
