"""The versions of a policy in the admin: which there are, how any two differ, and the way back to one."""

from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.decorators import action

from providers.adminbase import actor_of, operation_page
from providers.auditadmin import shown
from providers.formfields import reason_field
from routing.errors import InvalidBody
from routing.models import Policy, PolicyVersion
from routing.restoring import Overtaken, restore
from routing.versions import Decides, differences, siblings, told

PER_PAGE = 50


class RestoreForm(forms.Form):
    reason = reason_field("Kept with the new version and in the audit log.", required=True)


class VersionPages:
    """Goes before the page of policies."""

    admin_site: Any
    actions_detail: ClassVar[list[str]] = ["versions"]

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        one = "version/<str:name>/<int:number>/"
        own = [
            path(one, wrap(self.version), name="routing_policy_version"),
            path(f"{one}restore/", wrap(self.restore), name="routing_policy_restore"),
        ]
        return [*own, *super().get_urls()]  # type: ignore[misc]

    @action(description="Versions", url_path="versions", icon="history", permissions=["view"])
    def versions(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """All versions of a policy, the present one open."""
        policy: Policy = self.row(request, object_id)  # type: ignore[attr-defined]
        return self.version(request, policy.name, policy.version)

    def version(self, request: HttpRequest, name: str, number: int) -> HttpResponse:
        """One version of a policy, its difference from another (`against`), and the list of all."""
        self._require(request, "view")
        chosen = PolicyVersion.objects.filter(name=name, number=number).select_related("policy").first()
        if chosen is None:
            return self._not_kept(request, name, number)
        kept = siblings(chosen)
        other = _other(kept, chosen, request.GET.get("against", ""))
        context = {
            "chosen": chosen,
            "other": other,
            "now": chosen.policy is not None and chosen.policy.version == chosen.number,
            "policy": chosen.policy,
            "decides": [(label, shown(value)) for label, value in told(chosen.decides).items()],
            "changes": _changes(other.decides, chosen.decides) if other else [],
            "page": Paginator(kept, PER_PAGE).get_page(request.GET.get("p")),
            "may_restore": self.has_change_permission(request, chosen.policy),  # type: ignore[attr-defined]
        }
        base = {**self.admin_site.each_context(request), "opts": Policy._meta, "title": f"Versions of {name}"}
        return TemplateResponse(request, "admin/policy_versions.html", base | context)

    def restore(self, request: HttpRequest, name: str, number: int) -> HttpResponse:
        """Make a new version with the content of an old one, after the question."""
        self._require(request, "change")
        old = get_object_or_404(PolicyVersion, name=name, number=number, policy__isnull=False)
        policy = get_object_or_404(Policy, pk=old.policy_id)
        form = RestoreForm(request.POST or None)
        if form.is_valid() and (done := self._restored(request, old, form)):
            return done
        changes = _changes({field: getattr(policy, field) for field in old.decides}, old.decides)
        effect = (
            f"Makes a new version of {policy} that decides as version {number} did, in every worker within a second."
        )
        return operation_page(
            self,
            request,
            title=f"Restore {old}",
            verb="Restore this version",
            form=form,
            effect=effect if changes else f"{policy} decides the same now: there is nothing to restore.",
            hidden=[("seen", str(policy.version))],
            changes=changes,
            blocked=not changes,
            back=_address(old),
        )

    def _restored(self, request: HttpRequest, old: PolicyVersion, form: RestoreForm) -> HttpResponse | None:
        seen = request.POST.get("seen", "")  # the version that the page compared with
        try:
            said = restore(old, actor_of(request), form.cleaned_data["reason"], seen)
        except (InvalidBody, Overtaken) as exc:
            form.add_error(None, str(exc))
            return None
        for warning in said:
            messages.warning(request, warning)
        messages.success(request, f"{old.name} decides again as version {old.number} did.")
        return HttpResponseRedirect(reverse("admin:routing_policy_versions", args=[old.policy_id]))

    def _not_kept(self, request: HttpRequest, name: str, number: int) -> HttpResponse:
        why = (
            f"Version {number} of {name} is not kept: it is from before versions were, or the policy was never written."
        )
        messages.warning(request, why)
        policy = Policy.objects.filter(name=name).first()
        if policy is None:
            return HttpResponseRedirect(reverse("admin:routing_policy_changelist"))
        return HttpResponseRedirect(reverse("admin:routing_policy_change", args=[policy.pk]))

    def _require(self, request: HttpRequest, right: str) -> None:
        if not getattr(self, f"has_{right}_permission")(request):
            raise PermissionDenied


def _other(kept: QuerySet[PolicyVersion], chosen: PolicyVersion, asked: str) -> PolicyVersion | None:
    """The version to compare with: the one that was asked for, else the one before."""
    if asked.isdecimal() and len(asked) < 10:
        return kept.filter(number=int(asked)).exclude(pk=chosen.pk).first()
    return kept.filter(number__lt=chosen.number).first()


def _changes(old: Decides, new: Decides) -> list[tuple[str, str, str]]:
    return [(each.label, shown(each.old), shown(each.new)) for each in differences(old, new)]


def _address(version: PolicyVersion) -> str:
    return reverse("admin:routing_policy_version", args=[version.name, version.number])
