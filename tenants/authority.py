"""Over whom may somebody act, and which rights may somebody give? Nobody reaches beyond the own rights and tenants.

Who could set the password of a person with more rights, or write these rights into a group, would have them. The
admin's pages of people and groups ask here, and so does the operator's API.
"""

from typing import Any, Final

from django.contrib.auth.models import Group, Permission
from django.db.models import Q, QuerySet
from msgspec import Struct

from tenants.sight import ELSEWHERE, Sight, belongs_elsewhere, sight_of

OVER_PEOPLE: Final = (Q(content_type__app_label="auth") & ~Q(codename__startswith="view_")) | Q(codename="read_bodies")
KEYS_OVER_PEOPLE: Final = Q(  # which of these the operator API lets its keys use all the same, on who has none of them
    content_type__app_label="auth", codename__in=("add_user", "change_user", "delete_user", "change_group")
)
SUPERUSERS: Final = "superusers are changed by superusers alone"
NAMED: Final = 3  # rights that a refusal names; more are counted


class Authority(Struct, frozen=True):
    """What somebody may do, and whose rows with it; a superuser's has no end."""

    rights: QuerySet[Permission]
    sight: Sight
    superuser: bool = False
    of_key: bool = False  # of a key of the operator API, no person's

    def lacks(self, rights: QuerySet[Permission]) -> str:
        """Those of `rights` that are not its own, in words; empty: all are."""
        if self.superuser:
            return ""
        more = rights.exclude(pk__in=self.rights.values("pk")).order_by("content_type__app_label", "codename")
        names = [f"{app}.{codename}" for app, codename in more.values_list("content_type__app_label", "codename")]
        rest = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        return ", ".join(names[:NAMED]) + rest

    def why_not_member(self, person: Any) -> str:
        """Why it may not say whether a person sees one of its tenants; empty: it may."""
        if self.superuser or not person.is_superuser:
            more = self.lacks(rights_of(person))
            return f"{person} has rights that you do not have: {more}" if more else ""
        return SUPERUSERS

    def why_not_person(self, person: Any) -> str:
        """Why it may not change, delete, or give a password to a person; empty: it may."""
        if why := self.why_not_member(person):
            return why
        return ELSEWHERE if not self.superuser and belongs_elsewhere(person.pk, self.sight) else ""

    def why_not_group(self, group: Group) -> str:
        """Why it may not change or delete a group, which holds for people of every tenant; empty: it may."""
        if more := self.lacks(group.permissions.all()):
            return f"{group} has rights that you do not have: {more}"
        return "" if self.sight is None else "a group holds for every tenant, and you see some of them, or none"

    def why_not_given(self, group: Group) -> str:
        """Why it may not put people into a group; empty: it may."""
        more = self.lacks(group.permissions.all())
        return f"{group} has rights that you may not give: {more}" if more else ""

    def why_no_operator_key(self) -> str:
        """Why it may neither make a key of the operator API nor get to know the value of one; empty: it may."""
        more = "" if self.of_key else self.lacks(rights_of_key())
        return f"a key of the operator API has rights that you do not have: {more}" if more else ""

    def groups(self) -> QuerySet[Group]:
        """Those that it may put people into."""
        if self.superuser:
            return Group.objects.all()
        beyond = Permission.objects.exclude(pk__in=self.rights.values("pk"))
        return Group.objects.exclude(permissions__in=beyond)


def authority_of(user: Any) -> Authority:
    """Of who is signed in."""
    rights = Permission.objects.all() if user.is_superuser else rights_of(user)
    return Authority(rights, sight_of(user), user.is_superuser)


def authority_of_key() -> Authority:
    """Of a key of the operator API: no right over people, for it could make itself one of those who have them."""
    return Authority(Permission.objects.exclude(OVER_PEOPLE), None, of_key=True)


def rights_of_key() -> QuerySet[Permission]:
    """Whatever a key of the operator API can do or give: who holds the value of one has all of it."""
    return Permission.objects.filter(~OVER_PEOPLE | KEYS_OVER_PEOPLE)


def sentence(why: str) -> str:
    """A reason of the above as a sentence."""
    return f"{why[:1].upper()}{why[1:]}." if why else ""


def rights_of(person: Any) -> QuerySet[Permission]:
    """Each right of a person, own or of a group, also while the account is switched off."""
    return Permission.objects.filter(Q(user=person.pk) | Q(group__user=person.pk)).distinct()
