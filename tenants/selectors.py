"""Which tenants and client keys are there, by name? For pages and reports; the data plane reads `tenants.keyring`."""

from tenants.models import ClientKey, Tenant


def tenant_names() -> dict[int, str]:
    """Every tenant's name by its id, in the order of names."""
    return dict(Tenant.objects.order_by("name").values_list("pk", "name"))


def key_labels(ids: set[int]) -> dict[int, str]:
    """`tenant/key name` of these client keys; one that was deleted is missing."""
    rows = ClientKey.objects.filter(pk__in=ids).values_list("pk", "tenant__name", "name")
    return {pk: f"{tenant}/{name}" for pk, tenant, name in rows}
