"""What jobs add to the page of an alert receiver: a test that is sent as every alert is, with its answer."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from unfold.decorators import action

from profiling.alerttests import send_test
from providers.adminbase import actor_of, operation_page
from tenants.alertadmin import AlertReceiverAdmin
from tenants.alertrows import AlertDelivery

WAITS = "No job took it up yet: does a worker run? It stays among the messages below the receiver, with its answer."


class ReceiverWithTestAdmin(AlertReceiverAdmin):
    actions_detail = ["send_a_test"]

    @action(description="Send a test", url_path="test", icon="send", permissions=["change"])
    def send_a_test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        receiver = self.row(request, object_id)
        results, effect = [], f"Sends one message to {receiver.shown}, by the job that sends all alerts."
        if request.method == "POST":
            row = send_test(receiver, actor_of(request))
            if row.state == AlertDelivery.State.WAITING:
                effect = WAITS
            else:
                results = [_told(row)]
        return operation_page(
            self,
            request,
            title=f"Send a test to {receiver}",
            verb="Send again" if request.method == "POST" else "Send a test",
            form=forms.Form(),
            effect=effect,
            back=reverse("admin:tenants_alertreceiver_change", args=[receiver.pk]),
            results=results,
        )


def _told(row: AlertDelivery) -> dict[str, Any]:
    """As the page shows results of tests."""
    took = (row.ended_at - row.created_at).total_seconds() * 1000 if row.ended_at else None
    ok = row.state == AlertDelivery.State.SENT
    return {"credential": row.receiver.name, "ok": ok, "elapsed_ms": took, "message": row.answer if ok else row.problem}
