"""Take the second factor off an account whose owner lost phone and recovery codes, where no superuser can."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from providers.audit import at_console
from tenants.secondfactor import turn_off


class Command(BaseCommand):
    help = "Take the second factor off an account: its password alone signs in again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the account's user name")
        parser.add_argument("--reason", default="", help="kept in the audit log")

    def handle(self, *args: Any, **options: Any) -> None:
        person = get_user_model().objects.filter(username=options["name"]).first()
        if person is None:
            raise CommandError(f"name: there is no account {options['name']}")
        if not turn_off(person, at_console("command"), options["reason"]):
            raise CommandError(f"{person} has no second factor")
        self.stdout.write(f"{person} signs in with the password alone.")
