"""Who may call, in the admin: tenants, their client keys and budgets; here each page is registered."""

from django.contrib import admin

from providers.auditadmin import AuditEntryAdmin
from providers.models import AuditEntry
from tenants.adminrows import ForEveryTenant
from tenants.alertadmin import AlertReceiverAdmin
from tenants.budgetadmin import BudgetAdmin
from tenants.keyadmin import ClientKeyAdmin
from tenants.models import AlertReceiver, Budget, ClientKey, Tenant
from tenants.tenantadmin import TenantAdmin

admin.site.register(AlertReceiver, AlertReceiverAdmin)
admin.site.register(Budget, BudgetAdmin)
admin.site.register(ClientKey, ClientKeyAdmin)
admin.site.register(Tenant, TenantAdmin)


@admin.register(AuditEntry)
class AuditOfEveryTenantAdmin(ForEveryTenant, AuditEntryAdmin):
    """Its rows name keys and people of all tenants."""
