"""`manage.py sync_catalog`: read a public price list, and propose what differs from our prices."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from providers.pricefetch import Unreadable, fetch
from providers.pricelists import price_lists
from providers.pricelists.base import NoPriceList
from providers.pricesync import sync


class Command(BaseCommand):
    help = "Compare our prices with a public list; differences wait in the admin to be accepted (docs/prices.md)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from", dest="list", default="litellm", choices=list(price_lists()), help="whose shape")
        where = parser.add_mutually_exclusive_group()
        where.add_argument("--url", help="read it there instead of where it is published")
        where.add_argument("--file", type=Path, help="read it from a file")
        parser.add_argument("--dry-run", action="store_true", help="show what would be proposed, and keep nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        price_list = price_lists()[options["list"]]
        url = str(options["file"] or options["url"] or price_list.url)
        try:
            data = options["file"].read_bytes() if options["file"] else fetch(url)
            synced = sync(price_list, data, url, timezone.now(), dry_run=options["dry_run"])
        except (Unreadable, NoPriceList, OSError) as exc:
            raise CommandError(str(exc)) from exc
        for proposed in synced.proposed:
            self.stdout.write(f"~ {proposed.deployment}: {proposed.words}")
        kept = "nothing was kept" if options["dry_run"] else "decide in the admin, under Price proposals"
        found = f"{synced.entries} prices read, deployments in the list: {synced.matched}"
        self.stdout.write(f"{found}, {len(synced.proposed)} differ; {kept}")
