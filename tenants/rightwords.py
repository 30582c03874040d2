"""How is a right called in a sentence? `providers.change_deployment` is "change deployments"."""

from django.apps import apps


def right_said(right: str) -> str:
    """What it lets a person do, from the names of its model; the code itself where no model has it."""
    app, _, code = right.partition(".")
    verb, _, noun = code.partition("_")
    for model in apps.get_app_config(app).get_models():
        if noun == model._meta.model_name:
            return f"{verb} {model._meta.verbose_name_plural}"
        for known, name in model._meta.permissions:
            if known == code:
                return str(name).removeprefix("Can ")
    return right
