"""Whose rows are asked for? One tenant's, those of some, or of all together.

A tenant that is kept apart (`tenants.models.Tenant.realm`) counts where it is asked for by itself, and nowhere else: no
sum, list or finding about several tenants has it in it. Every selector reads through these two conditions.
"""

from typing import Final, TypeVar

from django.db.models import Model, Q, QuerySet

from tenants.models import Tenant, own
from usage.rollups import ALL_TENANTS

Row = TypeVar("Row", bound=Model)
Whose = int | frozenset[int] | None  # of one tenant, of any of some, of all together

EACH_TENANT: Final = -1  # every tenant's own rows, not their sum
NAMED: Final = -2  # the same, of rows that the question names by tenant or key: who is kept apart is among them
_APART: Final = f"SELECT id FROM {Tenant._meta.db_table} WHERE drill OR demo"


def of(rows: QuerySet[Row], whose: Whose) -> QuerySet[Row]:
    """Those of `rows`, which have a `tenant_id` each."""
    if isinstance(whose, int):
        return rows.filter(tenant_id=whose)
    return rows.filter(within(whose))


def within(whose: frozenset[int] | None) -> Q:
    """The condition of the same for several tenants."""
    condition = ~Q(tenant_id__in=Tenant.objects.filter(~own()).order_by().values("pk"))
    return condition if whose is None else condition & Q(tenant_id__in=whose)


def sql_of(tenant: int | frozenset[int], column: str = "r.tenant_id") -> str:
    """The condition of the same on sums: of one tenant (`ALL_TENANTS` is kept as one), of some, of each."""
    if isinstance(tenant, frozenset):
        among = ", ".join(str(int(one)) for one in sorted(tenant))
        return f"{column} IN ({among}) AND {column} NOT IN ({_APART})" if tenant else "1 = 0"
    # No index knows what is unequal: by tenant one would read all time. And planners expect what there is, nearly all.
    each = f"{column} <> {ALL_TENANTS}"
    if tenant == NAMED:
        return each
    return f"{each} AND {column} NOT IN ({_APART})" if tenant == EACH_TENANT else f"{column} = {int(tenant)}"
