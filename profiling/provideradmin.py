"""What jobs add to the page of a provider: a worker tests its connection or lists its models, and the page waits."""

from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action

from profiling.providertests import Tried, ask_for_listing, ask_for_test, tried
from providers.adminbase import WhyForm, actor_of, operation_page
from providers.models import Provider
from providers.probe import what_it_does

LONGEST_NUMBER: Final = 18  # digits


class TestsConnection:
    """Goes before the admin class of providers."""

    @action(description="Test connection", url_path="test", icon="network_check", permissions=["change"])
    def test_connection(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, queue the test, and show at the address of that test what came of it."""
        provider: Provider = self.row(request, object_id)  # type: ignore[attr-defined]
        form = WhyForm.of(request)
        if request.method == "POST" and form.is_valid():
            number = ask_for_test(provider, "", actor_of(request), form.cleaned_data["reason"], timezone.now())
            return HttpResponseRedirect(f"{request.path}?test={number}")
        told = _test_of(provider, request.GET.get("test", ""))
        return operation_page(
            self,
            request,
            title=f"Test {provider}",
            verb="Test again" if told else "Test connection",
            form=form,
            effect=f"{what_it_does(provider)} A worker does it.",
            back=back_to(provider),
            results=_results(told, provider) if told else [],
            waiting=told.waiting if told else "",
        )


def listing_of(
    page: Any, request: HttpRequest, provider: Provider, *, needed: bool = True, effect: str, **question: str
) -> Tried | HttpResponse:
    """The listing that the address names, once a worker has made it; until then the answer that asks for it and waits.

    `question` is the `title` and the `verb` of the page that asks. `needed`: one that failed is none, and can be asked
    for again. Raises `Http404`.
    """
    told = _test_of(provider, request.GET.get("test", ""))
    if told is not None and not told.wish.keeps:
        raise Http404(f"This test of {provider} kept no listing.")
    if told is not None and not told.waiting:
        if "HX-Request" in request.headers:  # of the page that waits, which another one takes the place of
            return HttpResponse(headers={"HX-Refresh": "true"})
        if told.kept is not None or not needed:
            return told
    form = WhyForm.of(request)
    if request.method == "POST" and not (told and told.waiting) and form.is_valid():
        number = ask_for_listing(provider, actor_of(request), form.cleaned_data["reason"], timezone.now())
        return HttpResponseRedirect(f"{request.path}?test={number}")
    return operation_page(
        page,
        request,
        form=form,
        effect=f"{effect} A worker lists them.",
        back=back_to(provider),
        results=_results(told, provider) if told else [],
        waiting=told.waiting if told else "",
        **question,
    )


def back_to(provider: Provider) -> str:
    """The address of a provider's page."""
    return reverse("admin:providers_provider_change", args=[provider.pk])


def _test_of(provider: Provider, number: str) -> Tried | None:
    """The test of this provider that the address names; None: it names none. Raises `Http404`."""
    if not number:
        return None
    found = tried(int(number), timezone.now()) if number.isdecimal() and len(number) <= LONGEST_NUMBER else None
    if found is None or found.wish.provider != provider.pk:
        raise Http404(f"There is no test {number} of {provider}; their results are kept for a week.")
    return found


def _results(told: Tried, provider: Provider) -> list[Any]:
    """As the page shows results of tests."""
    if not told.problem:
        return list(told.listings)
    return [{"credential": provider.name, "ok": False, "elapsed_ms": None, "message": told.problem}]
