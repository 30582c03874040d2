"""What jobs add to the page of an alert receiver: a test that is sent as every alert is, with its answer."""

from datetime import timedelta
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action

from profiling.alerttests import ask_for_test
from providers.adminbase import WhyForm, actor_of, operation_page
from tenants.alertadmin import AlertReceiverAdmin
from tenants.alertrows import AlertDelivery, AlertReceiver

SENDS: Final = "Sends one message to {}, by the job that sends all alerts."
ON_ITS_WAY: Final = "A worker sends it now; what came of it stands here in a moment."
WAITS: Final = (
    "No job took it up yet: does a worker run? It stays among the messages below the receiver, with its answer."
)
SOON: Final = timedelta(seconds=15)  # by then a worker has begun, and most servers have answered


class ReceiverWithTestAdmin(AlertReceiverAdmin):
    actions_detail = ["send_a_test"]

    @action(description="Send a test", url_path="test", icon="send", permissions=["change"])
    def send_a_test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, queue the test, and show at the address of that test what came of it."""
        receiver = self.row(request, object_id)
        form = WhyForm.of(request)
        if request.method == "POST" and form.is_valid():
            asked = ask_for_test(receiver, actor_of(request), form.cleaned_data["reason"])
            return HttpResponseRedirect(f"{request.path}?message={asked.pk}")
        sent = _test_of(receiver, request.GET.get("message", ""))
        waits = sent is not None and sent.state == AlertDelivery.State.WAITING
        return operation_page(
            self,
            request,
            title=f"Send a test to {receiver}",
            verb="Send again" if sent else "Send a test",
            form=form,
            effect=SENDS.format(receiver.shown),
            back=reverse("admin:tenants_alertreceiver_change", args=[receiver.pk]),
            results=[] if waits or sent is None else [_told(sent)],
            waiting=_waiting(sent) if waits and sent else "",
        )


def _test_of(receiver: AlertReceiver, number: str) -> AlertDelivery | None:
    """The test of this receiver that the address names; None: it names none. Raises `Http404`."""
    if not number:
        return None
    rows = AlertDelivery.objects.filter(receiver=receiver, test=True)
    found = rows.filter(pk=number).first() if number.isdecimal() and len(number) < 19 else None
    if found is None:
        raise Http404(f"{receiver} was sent no test {number}; tests are kept for a limited time.")
    return found


def _waiting(row: AlertDelivery) -> str:
    return ON_ITS_WAY if timezone.now() - row.created_at < SOON else WAITS


def _told(row: AlertDelivery) -> dict[str, Any]:
    """As the page shows results of tests."""
    took = (row.ended_at - row.created_at).total_seconds() * 1000 if row.ended_at else None
    ok = row.state == AlertDelivery.State.SENT
    return {"credential": row.receiver.name, "ok": ok, "elapsed_ms": took, "message": row.answer if ok else row.problem}
