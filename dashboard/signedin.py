"""Who is signed in, and may do what? Django's own answers, with what every page needs in the same queries."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission

from dashboard.board import with_board
from providers.sandboxbadge import with_sandbox
from tenants.secondfactor import with_second_factor

NAMES = ("content_type__app_label", "codename")


class People(ModelBackend):
    """As Django's, except for what it reads along: preferences, second factor, badge, board; and rights."""

    def get_user(self, user_id: Any) -> Any:
        people = with_second_factor(get_user_model().objects.select_related("preferences"))
        user = with_board(with_sandbox(people)).filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Every right, `app.codename`, in one query instead of one for the person and one for the groups."""
        if not user_obj.is_active or user_obj.is_anonymous or user_obj.is_superuser or obj is not None:
            return super().get_all_permissions(user_obj, obj)
        if not hasattr(user_obj, "_perm_cache"):
            kept = (Permission.objects.filter(user=user_obj), Permission.objects.filter(group__user=user_obj))
            own, groups = (rights.values_list(*NAMES).order_by() for rights in kept)
            user_obj._perm_cache = {f"{app}.{codename}" for app, codename in own.union(groups)}
        held: set[str] = user_obj._perm_cache
        return held
