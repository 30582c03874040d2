"""/api/admin/config: the whole configuration as one document, read and applied as `manage.py export` and `apply` do."""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Final

import yaml
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from msgspec import Struct, UnsetType

from routing.api.operator.documents import MATCH, ONCE, TAG, WHY, answer, asked, component
from routing.api.operator.errors import ChangedMeanwhile
from routing.api.operator.paging import yes
from routing.api.operator.views import OperatorView, reason_asked
from routing.configfile.applying import apply
from routing.configfile.exporting import export
from routing.configfile.reading import ConfigError, Document, read
from routing.configfile.schema import Config
from routing.errors import InvalidBody

KINDS: Final = (
    *("providers.{}_provider", "providers.{}_credential", "providers.{}_languagemodel", "providers.{}_deployment"),
    *("tenants.{}_tenant", "tenants.{}_clientkey", "tenants.{}_budget", "routing.{}_policy"),
    "tenants.{}_alertreceiver",
)
PRICES: Final = "providers.add_deploymentprice"
YAML: Final = "application/yaml"
PROVIDER: Final = "providers:\n  - {name: acme, wire: openai, base_url: 'https://api.acme.example/v1'}\n"
TENANT: Final = {"tenants": [{"name": "team-a", "keys": [{"name": "ci", "allow": {"routes": ["chat"]}}]}]}


class MadeKey(Struct):
    """A client key that was made: `tenant/key`, and its value, which nothing can show again."""

    name: str
    key: str


class ConfigApplied(Struct):
    """What was changed, or with `dry_run` would be: one line per row, `+` made, `~` changed."""

    dry_run: bool
    changes: list[str]
    warnings: list[str]
    keys: list[MadeKey]


@extend_schema(tags=[TAG])
class Configuration(OperatorView):
    """The configuration as a whole."""

    longest_body = 8 * 2**20

    @extend_schema(
        operation_id="exportConfig",
        summary="Export the configuration, without secrets",
        description="YAML as `manage.py export` writes it; the same in JSON for who accepts `application/json`.",
        responses={
            **answer(OpenApiTypes.OBJECT, "The configuration"),
            (200, YAML): OpenApiResponse(OpenApiTypes.STR, "The configuration"),
        },
    )
    def export(self, request: HttpRequest) -> HttpResponse:
        self.operator.require_every_tenant("the whole configuration")
        self.operator.require(*(kind.format("view") for kind in KINDS))
        text = export()
        if "application/json" in request.headers.get("accept", ""):
            return self.json(yaml.safe_load(text) or {}, etag=_version(text))
        return HttpResponse(text, YAML, headers={"etag": _version(text)})

    @extend_schema(
        operation_id="applyConfig",
        summary="Apply a configuration",
        description="What the document does not mention stays. `*_env` fields are for `manage.py apply` alone: they "
        "would read the environment of the server. Everything is applied, or nothing.",
        parameters=[
            OpenApiParameter("dry_run", bool, description="Only say what would change"),
            WHY,
            MATCH,
            ONCE,
        ],
        examples=[asked("A provider", PROVIDER, YAML), asked("A tenant with a key", TENANT)],
        request={YAML: {"type": "string"}, "application/json": {"type": "object"}},
        responses=answer(component(ConfigApplied), "What was changed", 400, 412, 413, 422),
    )
    def apply(self, request: HttpRequest) -> HttpResponse:
        who = self.operator
        who.require_every_tenant("the whole configuration")
        who.require(*(kind.format(verb) for kind in KINDS for verb in ("add", "change")), PRICES)
        dry_run, reason = _is_dry(request), reason_asked(request)
        document = _read(request.body)
        with transaction.atomic():
            wanted = request.headers.get("if-match", "*").strip()
            if wanted not in ("*", _version(export())):
                raise ChangedMeanwhile("if-match: the configuration was changed; export it again", param="if-match")
            try:
                done = apply(document, who.actor, reason=reason, dry_run=dry_run, holder=who)
            except ConfigError as exc:
                raise InvalidBody(str(exc), param=_param(exc)) from None
        keys = [] if dry_run else [MadeKey(name, key) for name, key in done.keys]
        return self.json(ConfigApplied(dry_run, done.lines, done.warnings, keys))


def _is_dry(request: HttpRequest) -> bool:
    text = request.GET.get("dry_run", "false")
    try:
        return text == "1" or (text != "0" and yes(text))
    except ValueError:
        raise InvalidBody("dry_run: give 1 or 0", param="dry_run") from None


def _read(raw: bytes) -> Document:
    try:
        document = read(raw.decode())
    except UnicodeDecodeError:
        raise InvalidBody("the body is not UTF-8 text") from None
    except ConfigError as exc:
        raise InvalidBody(str(exc), param=_param(exc)) from None
    _refuse_environment(document)
    return document


def _refuse_environment(document: Document) -> None:
    """Whoever may name a variable and a provider's address could have any secret of the server sent there."""
    for path, value, other in _from_environment(document.config):
        if not isinstance(value, UnsetType):
            _refuse(document, path, other)


def _from_environment(config: Config) -> Iterator[tuple[str, object, str]]:
    """Each field that would read it, its value, and the field that one gives instead."""
    for index, provider in enumerate(config.providers or []):
        yield f"providers[{index}].credential_env", provider.credential_env, "credential"
    for place, tenant in enumerate(config.tenants or []):
        for index, key in enumerate(tenant.keys or []):
            yield f"tenants[{place}].keys[{index}].value_env", key.value_env, "value"
    for index, receiver in enumerate(config.receivers or []):
        yield f"receivers[{index}].url_env", receiver.url_env, "url"
        yield f"receivers[{index}].key_env", receiver.key_env, "key"


def _refuse(document: Document, path: str, other: str) -> None:
    why = f"the server's environment is for `manage.py apply` alone; give {other}"
    raise InvalidBody(f"line {document.line(path)}: {path}: {why}", param=path)


def _param(exc: ConfigError) -> str | None:
    """The field that the first message names after its line."""
    _, _, rest = exc.messages[0].partition(": ")
    path, colon, _ = rest.partition(": ")
    return path if colon and " " not in path else None


def _version(text: str) -> str:
    return f'"{blake2b(text.encode(), digest_size=12).hexdigest()}"'
