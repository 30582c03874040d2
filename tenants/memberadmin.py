"""Who sees whose rows? Edited on the page of a tenant and on that of a person."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import TabularInline
from unfold.forms import PaginationInlineFormSet

from providers.formrows import KnowsRelated, NamedInRows
from tenants.adminrows import ChoicesInSight
from tenants.authority import Authority, authority_of, sentence
from tenants.models import Membership
from tenants.sight import seen, sight_of


class MembersFormSet(PaginationInlineFormSet):
    """Who has more rights than one's own is neither made a member nor put out: with a tenant they get what they may."""

    authority: Authority  # of who fills it in

    def clean(self) -> None:
        super().clean()
        if self.min_num and not any(form.has_changed() for form in self.forms):
            raise ValidationError("Choose a tenant that you see: else you would not see this person yourself.")
        touched = [form for form in self.forms if form.has_changed() or form in self.deleted_forms]
        stored = [form.instance.pk for form in touched if form.instance.pk]
        before = Membership.objects.filter(pk__in=stored).select_related("user")
        people = {row.user.pk: row.user for row in before}
        people |= {row.pk: row for form in touched if (row := form.cleaned_data.get("user")) and row.pk}  # pk: not new
        for person in people.values():
            if why := self.authority.why_not_member(person):
                raise ValidationError(sentence(why))


class MemberInline(ChoicesInSight, KnowsRelated, NamedInRows, TabularInline):
    """The people who see a tenant's requests, keys and budgets, on its page."""

    model = Membership
    formset = MembersFormSet
    fields = ["user"]
    autocomplete_fields = ["user"]
    verbose_name_plural = "Members"
    per_page = 20
    tab = True
    extra = 0

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset = super().get_formset(request, obj, **kwargs)
        formset.authority = authority_of(request.user)
        return formset

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Each with both its ends; of other tenants than one's own, none."""
        rows = super().get_queryset(request).select_related("user", "tenant")
        return seen(rows, sight_of(request.user), "tenant_id")


class TenantsOfPersonInline(MemberInline):
    """Which tenants' rows a person sees, on the person's page."""

    fields = ["tenant"]
    autocomplete_fields = ["tenant"]
    verbose_name_plural = "Tenants that this person sees"

    def get_min_num(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> int | None:
        """Who sees some tenants makes people of these."""
        return 1 if obj is None else None
