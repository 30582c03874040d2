"""What an operator takes over from a provider's listing: facts about models that are here, and differ there."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.decorators import action

from profiling.provideradmin import back_to, listing_of
from profiling.providertests import Tried
from providers.adminforms import misfit
from providers.barred import takes
from providers.choosing import Choice, Line, choice_page
from providers.differences import LABELS, Difference, differences
from providers.formfields import reason_field
from providers.models import Deployment, Provider

COLUMNS = ("Deployment", "What", "Stored", "There", "Says")


class ComparedChoice(Choice):
    reason = reason_field()


class ComparesModels:
    """Goes before the admin class of providers."""

    @takes("the rights to change providers and deployments")
    def has_compare_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether somebody may take facts over into deployments."""
        may = self.has_change_permission(request)  # type: ignore[attr-defined]
        return may and request.user.has_perm("providers.change_deployment")

    @action(description="Compare models", url_path="compare", icon="compare_arrows", permissions=["compare"])
    def compare_listed(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks, has a worker list the models, shows where deployments differ, and takes over what was chosen of it."""
        provider: Provider = self.row(request, object_id)  # type: ignore[attr-defined]
        effect = (
            f"Lists the models at {provider.base_url} and shows where deployments differ from that, or from what is "
            "known of their models. Nothing is changed before you choose."
        )
        title = f"Compare the models of {provider}"
        told = listing_of(self, request, provider, needed=False, title=title, verb="Compare", effect=effect)
        if isinstance(told, HttpResponse):
            return told
        found, choice = differences(provider, told.kept or ()), ComparedChoice(request.POST)
        chosen = choice.chosen([_line(each) for each in found])
        if choice.decided and self._take(request, choice, found, chosen):
            return HttpResponseRedirect(back_to(provider))
        return self._shown(request, provider, choice, found, told)

    def _shown(
        self, request: HttpRequest, provider: Provider, choice: Choice, found: list[Difference], told: Tried
    ) -> HttpResponse:
        listed = f"{provider} listed its models at {told.at:%Y-%m-%d %H:%M} UTC."
        if told.kept is None:
            failed = told.problem or "; ".join(f"{one.credential}: {one.message}" for one in told.listings)
            listed = f"The provider did not list its models, so this is the shipped catalogue's word alone. {failed}"
        sentences = [
            "Ticked lines are taken over, field by field; all else of a deployment stays as it is.", listed
        ]  # fmt: skip
        return choice_page(
            self,
            request,
            choice,
            [_line(each) for each in found],
            title=f"Compare the models of {provider}",
            told=sentences,
            columns=COLUMNS,
            verb="Take the ticked ones",
            ticked=False,
            label_too=True,
            empty="Nothing differs." if not found else "No deployment with a difference matches.",
            back=back_to(provider),
        )

    def _take(self, request: HttpRequest, choice: Choice, found: list[Difference], chosen: list[str]) -> bool:
        """Write what was chosen; whether all of it could be, and else nothing is."""
        if gone := len(choice.ticked - {each.key for each in found}):
            messages.error(request, f"{gone} of the ticked lines changed since you opened the page. Nothing was taken.")
            return False
        if not chosen:
            messages.error(request, "Nothing was ticked.")
            return False
        values = _by_deployment(each for each in found if each.key in set(chosen))
        rows = {row.pk: row for row in Deployment.objects.filter(pk__in=values).select_related("provider", "model")}
        wrong = [f"{rows[pk]}: {why}" for pk, new in values.items() if (why := _misfit(rows[pk], new))]
        for line in wrong:
            messages.error(request, f"{line} Nothing was taken.")
        if wrong:
            return False
        reason = choice.data.get("reason", "")[:500]
        with transaction.atomic():
            for pk, new in values.items():
                self.change_rows(request, Deployment.objects.filter(pk=pk), reason, **new)  # type: ignore[attr-defined]
        messages.success(request, f"{len(chosen)} differences taken over, in {len(values)} deployments.")
        return True


def _line(each: Difference) -> Line:
    cells = (each.deployment, LABELS[each.column], _text(each.old), _text(each.new), each.source)
    return Line(each.key, cells)


def _text(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return ", ".join(sorted(value)) if value else "—"


def _by_deployment(chosen: Iterable[Difference]) -> dict[int, dict[str, Any]]:
    values: dict[int, dict[str, Any]] = defaultdict(dict)
    for each in chosen:
        values[each.deployment_id][each.column] = each.new
    return values


def _misfit(row: Deployment, new: dict[str, Any]) -> str:
    return misfit(new.get("context", row.context), new.get("max_output", row.max_output))
