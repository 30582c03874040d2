"""The pages of signing in: the password, the code after it, and a person's own page about the second factor."""

from typing import Any

import segno
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.views import LoginView, redirect_to_login
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import View

from providers.audit import Actor
from tenants import secondfactor
from tenants.models import Authenticator
from tenants.signin import CodeForm, SignInForm, come_in, enter, held

SEED = "second_factor_seed"  # in the session of who sets one up
INSIDE, OUTSIDE = "admin/base_site.html", "unfold/layouts/unauthenticated.html"
careful = [never_cache, sensitive_post_parameters()]


class SignIn(LoginView):
    """User and password; `tenants.signin.enter` says what comes next."""

    template_name = "admin/login.html"
    authentication_form = SignInForm

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if admin.site.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index"))
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        base = {**admin.site.each_context(self.request), "app_path": self.request.get_full_path()}
        return super().get_context_data(**base, **kwargs) | {"title": "Log in"}

    def form_valid(self, form: Any) -> HttpResponse:
        return enter(self.request, form.get_user(), self.get_success_url())


@method_decorator(careful, name="dispatch")
class SignInCode(View):
    """The code after the password."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        waiting = held(request)
        if waiting is None:
            return redirect_to_login(reverse("admin:index"))
        self.person, self.following = waiting
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(CodeForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = CodeForm(request.POST)
        if (factor := _checked(request, self.person, form)) is None:
            return self._page(form)
        come_in(request, self.person, factor)
        return HttpResponseRedirect(self.following)

    def _page(self, form: CodeForm) -> HttpResponse:
        context = {**admin.site.each_context(self.request), "title": "Second factor", "form": form}
        return TemplateResponse(self.request, "admin/sign_in_code.html", context)


@method_decorator(careful, name="dispatch")
class SecondFactorPage(View):
    """A person's own second factor: turn it on, make recovery codes anew, turn it off."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """For who is in, and for who has shown a password and must have a second factor before they are."""
        self.outside = not request.user.is_authenticated
        waiting: tuple[Any, str] | None = held(request) if self.outside else (request.user, "")
        if waiting is None:
            return redirect_to_login(request.get_full_path())
        self.person, self.following = waiting
        self.factor = secondfactor.factor_of(self.person)
        if self.outside and self.factor is not None:
            return HttpResponseRedirect(reverse("sign-in-code"))
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(CodeForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form, asked = CodeForm(request.POST), request.POST.get("action", "")
        if self.factor is None:
            return self._turn_on(form)
        if _checked(request, self.person, form) is None:
            return self._page(form, asked)
        if asked == "codes":
            return self._codes(secondfactor.renew_codes(self.person, _actor(request, self.person)))
        if asked != "off":
            return self._page(CodeForm())
        secondfactor.turn_off(self.person, _actor(request, self.person))
        messages.success(request, "The second factor is off. Signing in takes the password alone.")
        return HttpResponseRedirect(request.path)

    def _turn_on(self, form: CodeForm) -> HttpResponse:
        seed = self.request.session.get(SEED)
        if not seed or not form.is_valid():
            return self._page(form)
        try:
            actor = _actor(self.request, self.person)
            codes = secondfactor.turn_on(self.person, seed, form.cleaned_data["code"], actor)
        except ValidationError as exc:
            form.add_error("code", exc)
            return self._page(form)
        del self.request.session[SEED]
        factor = secondfactor.factor_of(self.person)
        if factor is not None:
            come_in(self.request, self.person, factor)
        return self._codes(codes)

    def _codes(self, codes: list[str]) -> HttpResponse:
        following = self.following or reverse("second-factor")
        return self._shown("admin/recovery_codes.html", {"codes": codes, "following": following})

    def _page(self, form: CodeForm, asked: str = "") -> HttpResponse:
        if self.factor is not None:
            left = secondfactor.recovery_codes_left(self.person)
            forms_of = {word: form if word == asked else CodeForm(auto_id=f"id_{word}_%s") for word in ("codes", "off")}
            state = {"factor": self.factor, "left": left, "required": secondfactor.required_of(self.person)}
            return self._shown("admin/second_factor.html", state | {"forms": forms_of})
        seed = self.request.session.setdefault(SEED, secondfactor.new_seed())
        proposed = secondfactor.proposed(self.person, seed)
        drawn = {"qr": _drawn(proposed), "secret": proposed.spelled, "form": form, "outside": self.outside}
        return self._shown("admin/second_factor_new.html", drawn)

    def _shown(self, template: str, context: dict[str, Any]) -> HttpResponse:
        layout = OUTSIDE if self.outside else INSIDE
        base = {**admin.site.each_context(self.request), "title": "Second factor", "layout": layout}
        return TemplateResponse(self.request, template, base | context)


def _checked(request: HttpRequest, person: Any, form: forms.Form) -> Authenticator | None:
    """The second factor that the form's code belongs to; None: the form says what is wrong."""
    if not form.is_valid():
        return None
    try:
        return secondfactor.check_code(request, person, form.cleaned_data["code"], _actor(request, person))
    except ValidationError as exc:
        form.add_error("code", exc)
        return None


def _actor(request: HttpRequest, person: Any) -> Actor:
    return Actor(person.get_username(), "admin", request.META.get("REMOTE_ADDR") or None)


def _drawn(factor: Authenticator) -> SafeString:
    """The QR code as SVG inside the page: nobody else's server draws it, and no file holds it."""
    code = segno.make(factor.config_url, error="m")
    return mark_safe(code.svg_inline(scale=4, border=4, light="#fff", title="QR code for an authenticator app"))
