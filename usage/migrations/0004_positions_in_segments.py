"""A mark says where a row ends, no longer its number."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("usage", "0003_invoices")]

    operations = [migrations.RenameField("shippermark", "last_row", "position")]
