"""The file's `models`: our names of models, their aliases and priors."""

from collections import defaultdict

from msgspec import UNSET, UnsetType

from providers.models import LanguageModel
from providers.reserved import why_reserved
from providers.revisions import CATALOG
from routing.configfile import schema
from routing.configfile.changes import Changes


def put_models(changes: Changes, specs: list[schema.Model]) -> None:
    """Make or update every model of the file."""
    rows = {row.name: row for row in LanguageModel.objects.all()}
    if not changes.unique("models", (spec.name for spec in specs)):
        return
    for index, spec in enumerate(specs):
        path = f"models[{index}]"
        if _is_sound(changes, path, spec):
            row = rows.setdefault(spec.name, LanguageModel(name=spec.name))
            changes.put(CATALOG, row, f"model {spec.name}", _values(spec))
    _warn_of_shared_aliases(changes, specs, rows)


def is_free(changes: Changes, path: str, name: str) -> bool:
    """Whether `name` may name a model: `auto` and its variants are the router's own."""
    why = why_reserved(name)
    if why:
        changes.problem(path, why)
    return not why


def _is_sound(changes: Changes, path: str, spec: schema.Model) -> bool:
    sound = is_free(changes, f"{path}.name", spec.name)
    for index, alias in enumerate(spec.aliases or ()):
        sound &= is_free(changes, f"{path}.aliases[{index}]", alias)
    for category, quality in (spec.category_quality or {}).items():
        if not 0 <= quality <= 1:
            changes.problem(f"{path}.category_quality.{category}", f"{quality} is not between 0 and 1")
            sound = False
    return sound


def _values(spec: schema.Model) -> list[tuple[str, str, object]]:
    aliases = UNSET if isinstance(spec.aliases, UnsetType) else list(dict.fromkeys(spec.aliases))
    return [
        ("aliases", "aliases", aliases),
        ("quality", "quality", spec.quality),
        ("category_quality", "category_quality", spec.category_quality),
        ("description", "description", spec.description),
    ]


def _warn_of_shared_aliases(changes: Changes, specs: list[schema.Model], rows: dict[str, LanguageModel]) -> None:
    owners = defaultdict(list)
    for row in rows.values():
        for alias in row.aliases:
            owners[alias].append(row.name)
    for index, spec in enumerate(specs):
        for place, alias in enumerate(spec.aliases or ()):
            others = [name for name in owners[alias] if name != spec.name]
            path = f"models[{index}].aliases[{place}]"
            if alias in rows and alias != spec.name:
                changes.warn(path, f"{alias} is also the name of a model, which wins")
            elif others:
                changes.warn(path, f"{alias} also leads to {', '.join(others)}: any of them may answer")
