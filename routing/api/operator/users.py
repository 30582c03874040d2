"""/api/admin/users: people who sign in, with their roles and the tenants that they see."""

from datetime import datetime
from typing import Annotated, Any, Final

from django.contrib.auth.models import Group, User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from msgspec import UNSET, Meta, Struct, UnsetType

from providers import audit
from routing.api.operator.applying import OneChange
from routing.api.operator.documents import documented
from routing.api.operator.errors import Forbidden
from routing.api.operator.paging import Filter, flag
from routing.api.operator.resource import Resource, Rows, columns
from routing.configfile.reading import nearest
from routing.configfile.schema import Section, given
from tenants.models import Membership
from tenants.selectors import tenants_in
from tenants.sight import people_seen, seen

MEMBERS: Final = frozenset({"tenants", "reason"})  # what who sees some tenants sets of members elsewhere, too
PLAIN: Final = ("email", "is_active", "is_staff")


class UserRow(Struct):
    """A person; `groups` are the roles, `tenants` those whose rows the person sees, as far as who asks sees them."""

    id: int
    username: str
    email: str
    is_active: bool
    is_staff: bool
    is_superuser: bool
    groups: list[str]
    tenants: list[str]
    last_login: datetime | None
    date_joined: datetime


class UserBody(Section):
    """A person; what is left out stays. `password` is write-only; without one nobody can sign in with a password."""

    username: Annotated[str, Meta(min_length=1, max_length=150)]
    email: Annotated[str, Meta(max_length=254)] | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET
    is_staff: bool | UnsetType = UNSET
    groups: list[str] | UnsetType = UNSET
    tenants: list[str] | UnsetType = UNSET
    password: Annotated[str, Meta(max_length=4096)] | UnsetType = UNSET


@documented(
    UserRow,
    {"username": "ana", "email": "ana@example.com", "is_staff": True, "groups": ["viewer"], "tenants": ["team-a"]},
    {"groups": ["operator"], "reason": "on call from March"},
)
class Users(Resource):
    """People. Superusers are made and changed in admin, by superusers."""

    model, part, body = User, "", UserBody
    place, identity = "", ("username",)
    filters = {
        "username": Filter("username"),
        "q": Filter("username__icontains"),
        "is_active": flag("is_active"),
        "is_staff": flag("is_staff"),
        "group": Filter("groups__name"),
    }
    orders = {"username": "username", "id": "id", "last_login": "last_login"}

    def rows(self) -> QuerySet[Any]:
        people = User.objects.prefetch_related("groups", "memberships__tenant")
        return people_seen(people, self.operator.sight, self.operator.user and self.operator.user.pk)

    def written(self, pk: str) -> Any:
        """Who has just put out the last tenant in sight still gets its answer."""
        return User.objects.prefetch_related("groups", "memberships__tenant").get(pk=pk)

    def named(self, body: Any) -> QuerySet[Any]:
        return User.objects.filter(username=body.username)

    def held(self, row: Any) -> dict[str, Any]:
        return {"username": row.username}

    def told(self, rows: Rows) -> Rows:
        same = ("username", *PLAIN, "is_superuser", "last_login", "date_joined")
        sight = self.operator.sight
        return [
            UserRow(
                id=row.pk,
                groups=sorted(group.name for group in row.groups.all()),
                tenants=sorted(
                    each.tenant.name for each in row.memberships.all() if sight is None or each.tenant_id in sight
                ),
                **columns(row, same),
            )
            for row in rows
        ]

    def rights(self, body: Any) -> tuple[str, ...]:
        groups = () if isinstance(body.groups, UnsetType) else ("auth.change_group",)
        members = ("tenants.add_membership", "tenants.delete_membership")
        return groups if isinstance(body.tenants, UnsetType) else (*groups, *members)

    def locked(self, pk: str) -> Any:
        """A person within reach (`tenants.authority`): who could set the password of one with more rights had them."""
        row, own = super().locked(pk), self.operator.authority
        members_only = self.request.method == "PATCH" and self.data().keys() <= MEMBERS
        if why := own.why_not_member(row) if members_only else own.why_not_person(row):
            raise Forbidden(why)
        return row

    def why_kept(self, row: Any) -> str:
        return "this is your own account" if row == self.operator.user else ""

    def write(self, changes: OneChange, body: Any) -> None:
        row = self.named(body).first() or User(username=body.username)
        groups = self._groups(changes, given(body.groups, []))
        if row.pk is None and self.operator.sight is not None and not given(body.tenants, []):
            changes.problem(
                "tenants", 'give at least one that you see, e.g. ["team-a"]: else you would not see this person'
            )
        tenants = _found(changes, "tenants", tenants_in(self.operator.sight), given(body.tenants, []))
        values = [("username", "username", body.username), *((name, name, getattr(body, name)) for name in PLAIN)]
        values += self._password(changes, row, body.password)
        _check(changes, row, body)
        if changes.found:
            return
        changes.put("", row, f"user {row}", values)
        if not isinstance(body.groups, UnsetType):
            self._put_groups(row, groups, changes.reason)
        if not isinstance(body.tenants, UnsetType):
            self._put_memberships(row, tenants, changes.reason)

    def _groups(self, changes: OneChange, names: list[str]) -> list[Any]:
        groups = _found(changes, "groups", Group.objects.all(), names)
        for group in groups:
            if why := self.operator.authority.why_not_given(group):
                raise Forbidden(f"groups: {why}", param="groups")
        return groups

    def _password(self, changes: OneChange, row: User, text: str | UnsetType) -> list[tuple[str, str, Any]]:
        if isinstance(text, UnsetType):
            if row.pk is None:
                row.set_unusable_password()
            return []
        try:
            validate_password(text, row)
        except ValidationError as exc:
            changes.problem("password", " ".join(exc.messages))
            return []
        fresh = User()
        fresh.set_password(text)
        return [("password", "password", fresh.password)]

    def _put_groups(self, row: User, groups: list[Any], reason: str) -> None:
        before = audit.state(row)
        row.groups.set(groups)
        if changed := audit.difference(before, audit.state(row)):
            audit.record(self.operator.actor, "changed", row, changed, reason)

    def _put_memberships(self, row: User, tenants: list[Any], reason: str) -> None:
        kept = seen(Membership.objects.filter(user=row), self.operator.sight, "tenant_id")
        rows = {each.tenant_id: each for each in kept.select_related("tenant", "user")}
        for tenant in tenants:
            if tenant.pk not in rows:
                made = Membership.objects.create(user=row, tenant=tenant)
                audit.record(self.operator.actor, "added", made, audit.added(made), reason)
        for gone in rows.keys() - {tenant.pk for tenant in tenants}:
            old = rows[gone]
            audit.record(self.operator.actor, "deleted", old, audit.difference(audit.state(old), None), reason)
            old.delete()


def _found(changes: OneChange, field: str, rows: QuerySet[Any], names: list[str]) -> list[Any]:
    known = {row.name: row for row in rows}
    for index, name in enumerate(names):
        if name not in known:
            changes.problem(f"{field}[{index}]", f"there is no {name[:60]}{nearest(name, known)}")
    return [known[name] for name in dict.fromkeys(names) if name in known]


def _check(changes: OneChange, row: User, body: UserBody) -> None:
    """The username and the address by Django's own rules."""
    trial = User(username=body.username, email=given(body.email, row.email), password="!")
    try:
        trial.clean_fields(exclude=["password"])
    except ValidationError as exc:
        for field, messages in exc.message_dict.items():
            changes.problem(field, " ".join(messages))
