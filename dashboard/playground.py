"""The page that asks several models the same, beside each other, through the data plane that applications use.

The page's script calls `/v1/chat/completions` itself, with a key that this person is lent for minutes
(`tenants.lentkeys`): what it shows is what an application gets, and a request of it counts like an application's. What
was decided and paid is read from the request's record, once it is there.
"""

from datetime import UTC, datetime
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_ratelimit.core import get_usage
from msgspec.structs import replace

from dashboard import cases
from dashboard.access import staff_form, staff_only
from dashboard.answers import told
from dashboard.askable import RIGHT, choices_for, tenant_named, tenants_for, why_not
from dashboard.drafts import MOST_COLUMNS, PARAMETERS, SAMPLES, BadDraft, Draft, check, draft_of, snippets
from dashboard.frame import frame_of
from dashboard.pages import PLAYGROUND
from dashboard.views import scope_for
from providers.adminbase import actor_of
from providers.reserved import AUTO
from tenants.errors import KeyWithheld
from tenants.lentkeys import lend
from tenants.sight import sight_of
from usage.selectors import find

KEYS_RATE: Final = "60/h"  # of one person: each page takes one per tenant and quarter of an hour


@staff_form
def playground(request: HttpRequest, name: str = PLAYGROUND.name) -> HttpResponse:
    """The page; posted, it keeps the draft as a case (`act=save`) or writes the code that asks the same."""
    words = request.POST if request.method == "POST" else request.GET
    draft, case = _draft(request, words)
    problem = ""
    if request.method == "POST":
        try:
            check(draft)
            if words.get("act") == "save":
                kept = cases.save(request.user, words.get("name", "").strip(), draft, actor_of(request))
                return HttpResponseRedirect(f"{reverse('dashboard:playground')}?case={kept.pk}")
        except BadDraft as exc:
            problem = str(exc)
    context = _context(request, draft) | {"case": case, "problem": problem, "posted": request.method == "POST"}
    return render(request, "dashboard/playground.html", context, status=422 if problem else 200)


@require_POST
@staff_only
@never_cache
def lent_key(request: HttpRequest) -> JsonResponse:
    """`{"key", "expires_at"}` for the tenant that is posted, else `{"message"}` that says why not."""
    tenants = tenants_for(request.user)
    tenant = tenant_named(request.POST.get("tenant", ""), tenants)
    if reason := why_not(request.user, tenant, choices_for(tenant)):
        return JsonResponse({"message": reason}, status=403 if request.user.has_perm(RIGHT) is False else 404)
    assert tenant is not None  # else there was a reason
    usage = get_usage(request, group="playground", key=_person, rate=KEYS_RATE, increment=True)
    if usage and usage["should_limit"]:
        wait = f"{usage['time_left']} s"
        return JsonResponse({"message": f"More than {KEYS_RATE} keys for one person; try again in {wait}."}, status=429)
    try:
        key, plain = lend(tenant, request.user, actor_of(request), datetime.now(UTC))
    except KeyWithheld as exc:
        return JsonResponse({"message": exc.message}, status=403)
    return JsonResponse({"key": plain, "expires_at": key.expires_at})


@require_safe
@staff_only
@never_cache
def answer(request: HttpRequest, request_id: str) -> HttpResponse:
    """What was decided and paid for one answer; 204 while it is not recorded, and for what one does not see."""
    found = find(request_id, sight_of(request.user))
    if found is None:
        return HttpResponse(status=204)
    return render(request, "dashboard/playground_answer.html", {"told": told(found), "record": found})


@require_POST
@staff_only
def remove_case(request: HttpRequest, case_id: int) -> HttpResponse:
    """Remove a case of one's own."""
    if not cases.remove(request.user, case_id, actor_of(request)):
        raise Http404("You keep no such case.")
    return HttpResponseRedirect(reverse("dashboard:playground"))


def _draft(request: HttpRequest, words: QueryDict) -> tuple[Draft, cases.PlaygroundCase | None]:
    """What the page begins with: a kept case or a sample, and whatever the words say otherwise."""
    base, case = Draft(), None
    if (wanted := words.get("case", "")) and request.method != "POST":
        kept = cases.cases_of(request.user)
        case = next((one for one in kept if str(one.pk) == wanted), None)
        if case is None:
            raise Http404("You keep no such case.")
        base = cases.opened(case)
    number = words.get("sample", "")
    if number.isdecimal() and 0 < int(number[:3]) <= len(SAMPLES):
        base = Draft(prompt=SAMPLES[int(number) - 1][1])
    return draft_of(words, base), case


def _context(request: HttpRequest, draft: Draft) -> dict[str, Any]:
    """What the template draws."""
    scope = scope_for(request, PLAYGROUND.name)
    tenants = tenants_for(request.user)
    tenant = tenant_named("" if draft.tenant in scope.samples else draft.tenant, tenants)
    choices = choices_for(tenant)
    models = draft.models
    if models == (AUTO,) and not draft.prompt and choices.fixed:
        models = (AUTO, choices.fixed[0])  # two columns say what the page is for
    url = f"{request.scheme}://{request.get_host()}/v1"
    words = urlencode([("tenant", tenant.name if tenant else ""), *(("model", model) for model in models)])
    return {
        **frame_of(request, scope, PLAYGROUND.name),
        "page": PLAYGROUND,
        "draft": draft,
        "tenant": tenant,
        "tenants": list(tenants.values()),
        "columns": models,
        "most_columns": MOST_COLUMNS,
        "choices": choices,
        "blocked": why_not(request.user, tenant, choices),
        "parameters": [(one, draft.typed(one), *PARAMETERS[one][1:]) for one in PARAMETERS],
        "samples": [(title, text, f"?{words}&sample={place}") for place, (title, text) in enumerate(SAMPLES, 1)],
        "snippets": snippets(replace(draft, models=models), url),
        "cases": cases.cases_of(request.user),
        "longest_name": cases.LONGEST_NAME,
    }


def _person(group: str, request: HttpRequest) -> str:
    return str(request.user.pk)
