"""The file's `providers`, without their credentials and deployments: where they are and how they are spoken to."""

from msgspec import UNSET, UnsetType

from providers.adapters import adapters
from providers.addresses import check_base_url
from providers.adminforms import header_value
from providers.models import Provider
from providers.revisions import CATALOG
from routing.configfile import schema
from routing.configfile.changes import Changes
from routing.configfile.credentialpart import put_credentials
from routing.configfile.deploymentpart import put_deployments
from routing.configfile.reading import nearest
from routing.configfile.schema import given
from routing.configfile.stored import stored_rows

MOVE = "providers.change_credential"  # what is stored of secrets goes to whoever answers at the new address


def put_providers(changes: Changes, specs: list[schema.Provider]) -> None:
    """Make or update every provider of the file, with its credentials and deployments."""
    if not changes.unique("providers", (spec.name for spec in specs)):
        return
    stored = stored_rows()
    for index, spec in enumerate(specs):
        path = f"providers[{index}]"
        row = stored.providers.get(spec.name) or Provider(name=spec.name, source=changes.source)
        values = _values(spec, row)
        if not _is_sound(changes, path, spec, row):
            continue
        keys = stored.credentials.get(spec.name, {})
        if row.pk and keys and _base_url(spec, row) != row.base_url:
            changes.require(MOVE)
        changes.put(CATALOG, row, f"provider {spec.name}", values)
        put_credentials(changes, path, spec, row, keys)
        put_deployments(changes, path, spec, row, stored)


def _values(spec: schema.Provider, row: Provider) -> list[tuple[str, str, object]]:
    return [
        ("wire", "wire", spec.wire),
        ("base_url", "base_url", _base_url(spec, row) or UNSET),
        ("enabled", "enabled", spec.enabled),
        ("allow_private", "allow_private", spec.allow_private),
        ("local", "local", spec.local),
        ("data_policy", "data_policy", spec.data_policy),
        ("headers", "headers", spec.headers),
    ]


def _base_url(spec: schema.Provider, row: Provider) -> str:
    """The file's, the stored one, or for a new provider the one that the wire usually has."""
    adapter = adapters().get(given(spec.wire, row.wire))
    return given(spec.base_url, row.base_url or (adapter.default_base_url if adapter else ""))


def _is_sound(changes: Changes, path: str, spec: schema.Provider, row: Provider) -> bool:
    before = len(changes.problems)
    wire = given(spec.wire, row.wire)
    if not wire:
        changes.problem(path, f"a new provider needs a wire: one of {', '.join(sorted(adapters()))}")
    elif wire not in adapters():
        changes.problem(f"{path}.wire", f"no adapter speaks {wire}{nearest(wire, adapters())}")
    else:
        _check_address(changes, path, spec, row)
    if not isinstance(spec.headers, UnsetType):
        _check_headers(changes, f"{path}.headers", spec.headers)
    return len(changes.problems) == before


def _check_address(changes: Changes, path: str, spec: schema.Provider, row: Provider) -> None:
    try:
        check_base_url(_base_url(spec, row), given(spec.allow_private, row.allow_private))
    except ValueError as exc:
        changes.problem(f"{path}.base_url", str(exc).removeprefix("base_url: "))


def _check_headers(changes: Changes, path: str, headers: dict[str, str]) -> None:
    for name, value in headers.items():
        try:
            header_value(name, value)
        except ValueError as exc:
            changes.problem(f"{path}.{name}", str(exc))
