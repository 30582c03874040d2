"""Admin pages of what other packages brought: people and their groups, and the schedules of jobs."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from django_celery_beat.admin import PeriodicTaskForm, TaskSelectWidget
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.decorators import action, display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import (
    UnfoldAdminSelect2MultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from providers import audit
from providers.adminbase import AuditedAdmin, Switchable, actor_of, operation_page
from providers.barred import takes
from providers.formfields import reason_field
from tenants.adminrows import RowsInSight
from tenants.authority import Authority, authority_of
from tenants.memberadmin import TenantsOfPersonInline
from tenants.secondfactor import turn_off, with_second_factor
from tenants.sight import people_seen, sight_of

admin.site.empty_value_display = "—"  # unknown, or none: the same on every page
SCHEDULES = (PeriodicTask, IntervalSchedule, CrontabSchedule, SolarSchedule, ClockedSchedule)
for foreign in (User, Group, *SCHEDULES, TOTPDevice, StaticDevice):  # of the last two, pages would show secrets
    admin.site.unregister(foreign)


@admin.register(User)
class UserAdmin(RowsInSight, AuditedAdmin, StockUserAdmin):
    """Rights come from groups; only a superuser makes another. Whom one may touch: `tenants.authority`."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    autocomplete_fields = ["groups"]
    inlines = [TenantsOfPersonInline]
    filter_horizontal = ()
    actions_detail = ["take_off_second_factor"]
    list_display = ["username", "email", "is_active", "is_staff", "is_superuser", "second_factor", "last_login"]
    list_filter = ["is_active", "is_staff", "is_superuser"]
    fieldsets = [
        (None, {"fields": ["username", ("password", "second_factor"), ("first_name", "last_name"), "email"]}),
        ("Rights", {"fields": ["is_active", "is_staff", "is_superuser", "groups"]}),
        ("Dates", {"fields": [("last_login", "date_joined")]}),
    ]
    add_fieldsets = StockUserAdmin.add_fieldsets  # unfold has empty ones
    readonly_fields = ["second_factor", "last_login", "date_joined"]

    @classmethod
    def visible(cls, rows: QuerySet[Any], user: Any) -> QuerySet[Any]:
        return people_seen(rows, sight_of(user), user.pk)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_second_factor(super().get_queryset(request))

    @display(description="Second factor")
    def second_factor(self, row: Any) -> str:
        return "on" if row.second_factor_id else "off"

    @takes("being a superuser")
    def has_take_off_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.is_superuser

    @action(
        description="Take off the second factor", url_path="no-second-factor", icon="phonelink_erase",
        permissions=["take_off"],
    )  # fmt: skip
    def take_off_second_factor(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """For who has lost phone and recovery codes: the password alone signs in again."""
        person = self.row(request, object_id)
        back, form = reverse("admin:auth_user_change", args=[person.pk]), TakeOffForm(request.POST or None)
        if not (why_not := _why_kept(request, person)) and form.is_valid():
            turn_off(person, actor_of(request), form.cleaned_data["reason"])
            self.message_user(request, f"{person} signs in with the password alone.", messages.SUCCESS)
            return HttpResponseRedirect(back)
        effect = f"{person} then signs in with the password alone, and the recovery codes are void. Be sure who asks."
        return operation_page(
            self, request, title=f"Take off the second factor of {person}", verb="Take it off", form=form,
            effect=why_not or effect, blocked=bool(why_not), danger=True, back=back,
        )  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        fixed = [] if request.user.is_superuser else ["is_superuser"]
        return [*self.readonly_fields, *fixed, *([] if request.user.has_perm("auth.change_group") else ["groups"])]

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        return self.inlines if obj or sight_of(request.user) is not None else []

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> QuerySet[Any] | None:
        """Nobody gives away a right of which they have none."""
        rows = super().get_field_queryset(db, db_field, request)
        return authority_of(request.user).groups().order_by("name") if db_field.name == "groups" else rows

    @takes("the right to add {rows}; who sees some tenants alone takes the right to add memberships, too,")
    def has_add_permission(self, request: HttpRequest) -> bool:
        """Who sees some tenants makes people of these, or would not see whom they made."""
        sight = sight_of(request.user)
        member = sight is None or (sight and request.user.has_perm("tenants.add_membership"))
        return super().has_add_permission(request) and bool(member)

    @takes("the right to change {rows}, every right of this person, and to see all tenants of this person")
    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not why_beyond(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and obj != request.user and not why_beyond(request, obj)

    def _barred_on_form(self, request: HttpRequest, row: Any) -> Iterator[tuple[str, str]]:
        yield from super()._barred_on_form(request, row)
        if super().has_change_permission(request, row) and not self.has_change_permission(request, row):
            yield from ((verb, self._takes("change")) for verb in ("Save", "Change the password"))

    @method_decorator(sensitive_post_parameters())
    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """As Django's, with an audit row that says that the password changed."""
        with transaction.atomic():
            person = self.row(request, id)
            before = {person.pk: audit.state(person)}
            response = super().user_change_password(request, id, form_url)
            for user in User.objects.filter(pk__in=before):
                if changes := audit.difference(before[user.pk], audit.state(user)):
                    self.note(request, "changed", user, changes)
        return response


class TakeOffForm(forms.Form):
    reason = reason_field(required=True)


def _why_kept(request: HttpRequest, person: Any) -> str:
    """Why somebody's second factor is not taken off here; empty: it may be."""
    if not person.second_factor_id:
        return f"{person} has no second factor."
    if person == request.user:
        return "Your own is turned off on your own page, Second factor in the menu of your account, with a code."
    return ""


def why_beyond(request: HttpRequest, row: Any) -> str:
    """Why a person or a group is out of reach of who asks; empty: it is not. Asked of the database once for each."""
    if row is None:
        return ""
    if not hasattr(row, "_why_beyond"):
        own = authority_of(request.user)
        row._why_beyond = own.why_not_group(row) if isinstance(row, Group) else own.why_not_person(row)
    return str(row._why_beyond)


class PermissionsField(forms.ModelMultipleChoiceField):
    """The permissions of what has a page here, found by typing."""

    widget = UnfoldAdminSelect2MultipleWidget

    def label_from_instance(self, obj: Any) -> str:
        return obj.name.removeprefix("Can ")


class GroupForm(forms.ModelForm):
    authority: Authority  # of who fills it in
    permissions = PermissionsField(
        queryset=Permission.objects.none(), required=False, help_text="Type to find one, e.g. view provider."
    )

    class Meta:
        model = Group
        fields = ["name", "permissions"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields.get("permissions")
        if isinstance(field, PermissionsField):
            with_page = ContentType.objects.get_for_models(*admin.site._registry).values()
            shown = Permission.objects.filter(Q(content_type__in=with_page) | Q(group=self.instance.pk)).distinct()
            given = shown.filter(pk__in=self.authority.rights.values("pk")).select_related("content_type")
            field.queryset = given.order_by("content_type__model", "codename")


@admin.register(Group)
class GroupAdmin(AuditedAdmin):
    ordering = ["name"]
    form = GroupForm
    list_display = ["name"]
    search_fields = ["name"]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        form.authority = authority_of(request.user)
        return form

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], term: str) -> tuple[Any, bool]:
        """A person's form offers the groups that its `groups` takes."""
        rows, doubles = super().get_search_results(request, queryset, term)
        offers = request.resolver_match is not None and request.resolver_match.url_name == "autocomplete"
        return (rows.filter(pk__in=authority_of(request.user).groups()) if offers else rows), doubles

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not why_beyond(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and not why_beyond(request, obj)


class TaskSelect(UnfoldAdminSelectWidget, TaskSelectWidget):
    """The registered tasks, in unfold's look."""


class ScheduleForm(PeriodicTaskForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        looks: dict[str, forms.Widget] = {"task": UnfoldAdminTextInputWidget(), "regtask": TaskSelect()}
        looks["description"] = UnfoldAdminTextareaWidget(attrs={"rows": 3})
        for name, widget in looks.items():
            if name in self.fields:
                self.fields[name].widget = widget

    def clean(self) -> dict[str, Any]:
        """Its parent takes for granted that there is a task, which is not so of one that its field has refused."""
        self.cleaned_data.setdefault("task", self.data.get("task", ""))
        return dict(super().clean())


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(Switchable):
    form = ScheduleForm
    autocomplete_fields = ["interval", "crontab"]
    list_display = ["name", "enabled", "scheduler", "last_run_at"]
    list_filter = ["enabled"]
    list_select_related = ["interval", "crontab", "solar", "clocked"]
    search_fields = ["name", "task"]
    readonly_fields = ["last_run_at", "total_run_count"]
    fieldsets = [
        (None, {"fields": [("name", "enabled"), "description"]}),
        ("When", {"fields": [("interval", "crontab"), "one_off", ("last_run_at", "total_run_count")]}),
        ("What", {"fields": ["regtask", "task", ("args", "kwargs")], "classes": ["collapse"]}),
    ]


@admin.register(IntervalSchedule)
class IntervalScheduleAdmin(AuditedAdmin):
    list_display = ["__str__", "every", "period"]
    search_fields = ["every", "period"]


@admin.register(CrontabSchedule)
class CrontabScheduleAdmin(AuditedAdmin):
    list_display = ["__str__", "human_readable"]
    search_fields = ["minute", "hour", "day_of_week", "timezone"]
