"""How the admin is laid out: sidebar, colours, palette, badge (settings of django-unfold)."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy

AUDIT = "providers.view_auditentry"


def _may_view(permission: str) -> Callable[[HttpRequest], bool]:
    return lambda request: request.user.has_perm(permission)


def _may_view_of_every_tenant(permission: str) -> Callable[[HttpRequest], bool]:
    return lambda request: request.user.has_perm(permission) and request.user.has_perm("tenants.see_every_tenant")


def _rows(title: str, icon: str, app: str, model: str) -> dict[str, Any]:
    """A sidebar item that leads to a changelist, for those who may see it."""
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{model}_changelist"),
        "permission": _may_view(f"{app}.view_{model}"),
    }


NAVIGATION = [
    {
        "items": [
            {"title": "Overview", "icon": "home", "link": reverse_lazy("admin:index")},
            {"title": "Dashboard", "icon": "monitoring", "link": "/dashboard/"},
            {"title": "API documentation", "icon": "menu_book", "link": "/api/docs"},
        ]
    },
    {
        "title": "Upstreams",
        "separator": True,
        "items": [
            _rows("Providers", "dns", "providers", "provider"),
            _rows("Deployments", "lan", "providers", "deployment"),
            _rows("Models", "neurology", "providers", "languagemodel"),
            _rows("Price proposals", "price_change", "providers", "priceproposal"),
        ],
    },
    {
        "title": "Access",
        "separator": True,
        "items": [
            _rows("Tenants", "groups", "tenants", "tenant"),
            _rows("Client keys", "key", "tenants", "clientkey"),
            _rows("Budgets", "savings", "tenants", "budget"),
            _rows("Alert receivers", "notifications", "tenants", "alertreceiver"),
        ],
    },
    {
        "title": "Routing",
        "separator": True,
        "items": [_rows("Policies", "alt_route", "routing", "policy")],
    },
    {
        "title": "Evidence",
        "separator": True,
        "items": [
            _rows("Latency profiles", "speed", "profiling", "latencyprofile"),
            _rows("Token calibrations", "straighten", "profiling", "tokencalibration"),
            _rows("Ratings", "thumbs_up_down", "feedback", "rating"),
            _rows("Evaluations", "fact_check", "feedback", "evaluation"),
        ],
    },
    {
        "title": "Operations",
        "separator": True,
        "items": [
            {
                "title": "Resilience drill",
                "icon": "emergency",
                "link": reverse_lazy("dashboard:drill"),
                "permission": _may_view("routing.view_drillrun"),
            },
            {
                "title": "System",
                "icon": "settings_heart",
                "link": reverse_lazy("system"),
                "permission": _may_view("profiling.view_system"),
            },
            _rows("Jobs", "bolt", "profiling", "job"),
            _rows("Schedules", "schedule", "django_celery_beat", "periodictask"),
            _rows("Audit log", "history", "providers", "auditentry") | {"permission": _may_view_of_every_tenant(AUDIT)},
            _rows("Users", "person", "auth", "user"),
            _rows("Groups", "shield_person", "auth", "group"),
        ],
    },
]

# ux.md 3.7: #0072B2 is the first colour of our palette; these are its steps.
PRIMARY = {
    "50": "#eff8fd",
    "100": "#d9eef9",
    "200": "#b3ddf2",
    "300": "#7cc5e8",
    "400": "#3aa5d8",
    "500": "#148fce",
    "600": "#0072b2",
    "700": "#005c90",
    "800": "#004b75",
    "900": "#003b5c",
    "950": "#00263d",
}

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "NeuroRoute",
    "SITE_HEADER": "NeuroRoute",
    "SITE_SUBHEADER": "LLM router",
    "SITE_SYMBOL": "alt_route",
    "SITE_URL": "/",
    "SHOW_VIEW_ON_SITE": True,
    "COLORS": {"primary": PRIMARY},
    "SCRIPTS": [lambda request: static("neuroroute/admin.js")],
    "STYLES": [lambda request: static("neuroroute/admin.css")],
    "DASHBOARD_CALLBACK": "neuroroute.adminhome.home",
    "ENVIRONMENT": "providers.sandboxbadge.badge",
    "ACCOUNT": {
        "navigation": [
            {"title": "Second factor", "link": reverse_lazy("second-factor")},
            {"title": "Change password", "link": reverse_lazy("admin:password_change")},
        ]
    },
    "COMMAND": {
        "search_models": [
            "providers.provider",
            "providers.deployment",
            "providers.languagemodel",
            "tenants.tenant",
            "tenants.clientkey",
            "routing.policy",
        ],
        "search_callback": "neuroroute.adminsearch.on_dashboard",
    },
    "SIDEBAR": {"show_search": True, "command_search": True, "navigation": NAVIGATION},
}
