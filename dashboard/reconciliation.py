"""The page of invoices: import one as CSV, and look at how it compares."""

from datetime import UTC, date, datetime
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from dashboard.access import every_tenant_only
from dashboard.reconciling import compare, recorded, total
from providers.selectors import names_of_models, provider_names
from usage.invoices import BadInvoice, Line, read_invoice
from usage.models import Invoice, InvoiceLine

BYTES_LIMIT: Final = 4 * 1024 * 1024
SHOWN: Final = 50


@require_http_methods(["GET", "HEAD", "POST"])
@every_tenant_only
def invoices(request: HttpRequest) -> HttpResponse:
    """What was imported, and a form for more."""
    problem = ""
    if request.method == "POST":
        if not request.user.has_perm("usage.add_invoice"):
            raise PermissionDenied("Importing an invoice needs the permission to add invoices.")
        try:
            return HttpResponseRedirect(reverse("dashboard:invoice", args=[_import(request).pk]))
        except BadInvoice as exc:
            problem = str(exc)
    context = {"invoices": Invoice.objects.all()[:SHOWN], "providers": provider_names(), "problem": problem}
    return render(request, "dashboard/reconciliation.html", context, status=422 if problem else 200)


@require_safe
@every_tenant_only
def invoice(request: HttpRequest, invoice_id: int) -> HttpResponse:
    """One invoice beside our records."""
    found = get_object_or_404(Invoice, pk=invoice_id)
    lines = [Line(row.model, row.usd, row.prompt_tokens, row.completion_tokens) for row in found.lines.all()]
    ours = recorded(found.provider, found.month, datetime.now(UTC))
    rows = compare(lines, ours, names_of_models(found.provider))
    context: dict[str, Any] = {"invoice": found, "rows": rows, "total": total(rows)}
    return render(request, "dashboard/invoice.html", context)


def _import(request: HttpRequest) -> Invoice:
    upload, provider = request.FILES.get("file"), request.POST.get("provider", "")
    if upload is None or provider not in provider_names():
        raise BadInvoice("choose a provider and a CSV file")
    if (upload.size or 0) > BYTES_LIMIT:
        raise BadInvoice(f"the file is longer than {BYTES_LIMIT:,} bytes")
    month = _month(request.POST.get("month", ""))
    try:
        lines = read_invoice(upload.read().decode("utf-8-sig"))
    except UnicodeDecodeError as exc:
        raise BadInvoice("the file is not text in UTF-8") from exc
    with transaction.atomic():
        made = Invoice.objects.create(
            provider=provider,
            month=month,
            file_name=(upload.name or "")[:200],
            imported_by=request.user.get_username(),
        )
        InvoiceLine.objects.bulk_create(
            InvoiceLine(invoice=made, **{name: getattr(line, name) for name in Line.__struct_fields__})
            for line in lines
        )
    return made


def _month(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError:
        raise BadInvoice("the month is written as 2026-11") from None
