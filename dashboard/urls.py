"""Where each page of the dashboard is found, and the welcome page at the root."""

from django.urls import include, path, re_path

from dashboard import (
    attending,
    budgetverbs,
    choosing,
    discovering,
    draining,
    drills,
    exports,
    handbook,
    interventions,
    liveviews,
    mine,
    modelverbs,
    newcredentials,
    newproviders,
    ownkeys,
    palette,
    playground,
    providertests,
    ratings,
    reconciliation,
    refresh,
    residents,
    samples,
    start,
    views,
    welcome,
    zones,
)
from dashboard.pages import DRILL, NAVIGATION, PLAYGROUND, START

VIEWS = {PLAYGROUND.name: playground.playground, DRILL.name: drills.page}  # of what is no page of panels
pages = [path(page.path, VIEWS.get(page.name, views.page), {"name": page.name}, name=page.name) for page in NAVIGATION]
record = [
    path("requests/<str:request_id>/", views.record, name="request"),
    path("requests/<str:request_id>/read/", views.read, name="request-read"),
    path("requests/<str:request_id>/rate/", ratings.rate_request, name="request-rate"),
]
frame = [
    path("find/", palette.find, name="find"),
    path("help/", handbook.index, name="help-index"),
    path("help/<path:name>/", handbook.page, name="help"),
    path("choices/<str:word>/", choosing.options, name="choices"),
    path("zones/", zones.options, name="zones"),
    path("settings/", mine.settings, name="settings"),
    path("settings/theme/", mine.theme, name="theme"),
    path("settings/views/", mine.views, name="views"),
]
panels = [
    path("parts/<str:name>/", refresh.parts, name="parts"),
    path("panels/<str:name>/<str:panel>/", views.panel, name="panel"),
    path("panels/<str:name>/<str:panel>.csv", exports.panel_csv, name="csv"),
]
live = [
    path("live/now/", liveviews.live_now, name="live_now"),
    path("live/<str:request_id>/cancel/", liveviews.live_cancel, name="live_cancel"),
]
invoices = [
    path("invoices/", reconciliation.invoices, name="invoices"),
    path("invoices/<int:invoice_id>/", reconciliation.invoice, name="invoice"),
]
beginning = [
    path(START.path, start.start, name=START.name),
    path(f"{START.path}arrived/", start.arrived, name="start-arrived"),
    path(f"{START.path}test/<str:name>/", start.test, name="start-test"),
    path(f"{START.path}tested/<int:number>/", start.tested, name="start-tested"),
    path(f"{START.path}sample/", samples.make, name="sample"),
    path(f"{START.path}sample/card/", samples.card, name="sample-card"),
    path(f"{START.path}sample/remove/", samples.remove, name="sample-remove"),
]
asking = [
    path("playground/key/", playground.lent_key, name="playground-key"),
    path("playground/answers/<str:request_id>/", playground.answer, name="playground-answer"),
    path("playground/cases/<int:case_id>/remove/", playground.remove_case, name="playground-remove"),
]
local = [path("local/<str:provider>/<str:verb>/", residents.act, name="local-act")]
offered = [
    path("upstreams/new/", newproviders.new, name="provider-new"),
    path("upstreams/<str:provider>/drain/", draining.drain, name="provider-drain"),
    path("upstreams/<str:provider>/test/", providertests.of_provider, name="provider-test"),
    path("upstreams/<str:provider>/key/", newcredentials.add, name="provider-key"),
    path("models/<int:deployment_id>/test/", providertests.of_deployment, name="deployment-test"),
    path("models/<int:deployment_id>/alias/", modelverbs.alias, name="deployment-alias"),
    path("models/<int:deployment_id>/price/", modelverbs.price, name="deployment-price"),
    re_path(r"^(?P<page>upstreams|models)/tests/(?P<number>\d{1,18})/$", providertests.result, name="test-result"),
    path("budgets/new/", budgetverbs.new, name="budget-new"),
    path("budgets/<int:budget>/raise/", budgetverbs.lift, name="budget-raise"),
    path("budgets/<int:budget>/notify/", budgetverbs.notify, name="budget-notify"),
    path("budgets/<int:budget>/thresholds/", budgetverbs.thresholds, name="budget-thresholds"),
    path("models/discover/", discovering.discover, name="discover"),
]
attention = [
    path("attention/acknowledge/", attending.acknowledge, name="acknowledge"),
    path("attention/take-back/", attending.take_back, name="take-back"),
    path("attention/check/", attending.check_now, name="check-now"),
]
intervening = [
    path(f"{page}/<int:deployment_id>/<str:verb>/", interventions.intervene, {"page": page}, name=f"{page}-act")
    for page in ("reliability", "models")
]
own = [
    path("drill/card/<int:run>/", drills.card, name="drill-card"),
    path("drill/<int:run>.csv", drills.results, name="drill-csv"),
    path("drill/schedule/", drills.schedule, name="drill-schedule"),
    path("usage/keys/new/", ownkeys.new, name="key-new"),
    path("usage/keys/<int:key_id>/rotate/", ownkeys.rotate, name="key-rotate"),
    path("usage/keys/<int:key_id>/revoke/", ownkeys.revoke, name="key-revoke"),
]

urlpatterns = [
    path("", welcome.welcome, name="welcome"),
    path(
        "dashboard/",
        include(
            (
                pages
                + record
                + frame
                + panels
                + live
                + invoices
                + beginning
                + asking
                + local
                + offered
                + attention
                + intervening
                + own,
                "dashboard",
            )
        ),
    ),
]
