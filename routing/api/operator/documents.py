"""The operator's API in the OpenAPI schema: each resource is described by the structs that read and write it."""

from inspect import cleandoc
from typing import Annotated, Any, Final, TypeVar

import msgspec
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from msgspec import Meta, Struct

from routing.api.contracts import ErrorBody, shape
from routing.api.operator.resource import Reading, Resource
from routing.api.operator.views import LONGEST_REASON
from routing.configfile.schema import Section

V = TypeVar("V", bound=type[Reading])
TAG: Final = "Operator"
COMPONENTS: Final[set[type[Struct]]] = set()
CHANGES: Final[set[type[Struct]]] = set()
REASONED: Final[set[type[Struct]]] = set()  # bodies of rows, beside whose fields a reason may stand
ERRORS: Final = {
    400: "A field is wrong: `param` names it, the message says the limit",
    401: "No valid client key and no session",
    403: "No operator's key, or the account lacks the right that the message names",
    404: "No such row, or not yours to see",
    409: "What is stored stands against it",
    412: "The row has another version than `If-Match` names",
    413: "The body is too long",
    501: "The local server's own API has no way to do it",
    502: "The local server did not answer, or failed",
    422: "The Idempotency-Key was used with another body",
}


class Reason(Section):
    """Why; it is kept in the audit log."""

    reason: Annotated[str, Meta(max_length=LONGEST_REASON)] = ""


ONCE: Final = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER, description="The same again within a day is answered, not done."
)
WHY: Final = OpenApiParameter("reason", str, description=f"Why, for the audit log: at most {LONGEST_REASON} characters")
MATCH: Final = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description="The `ETag` that was read: refused if the row changed since."
)


def answer(schema: Any, what: str, *errors: int, status: int = 200) -> dict[int, Any]:
    """Responses: the schema (None: no body), and the error body for the statuses named."""
    told = {code: OpenApiResponse(shape(ErrorBody)["application/json"], ERRORS[code]) for code in (*errors, 401, 403)}
    return {status: OpenApiResponse(schema, what), **told}


def component(struct: type[Struct], changes: bool = False) -> dict[str, Any]:
    """A reference to the struct's schema; with `changes`, to that in which every field may be left out."""
    COMPONENTS.add(struct)
    if changes:
        CHANGES.add(struct)
    return {"$ref": f"#/components/schemas/{struct.__name__}{'Change' if changes else ''}"}


def documented(
    row: type[Struct],
    made: dict[str, Any] | None = None,
    changed: dict[str, Any] | None = None,
    whole: type[Struct] | None = None,
) -> Any:
    """Describe a resource whose rows are told as `row`, and one alone as `whole` where it has more to say; `made` is a
    body that makes one, `changed` one that changes it then: examples, which the tests send. What is only read has none.
    """

    def describe(view: V) -> V:
        views = _reading(view, row, whole or row)
        if issubclass(view, Resource):
            assert made and changed, "what can be written has examples"
            views |= _writing(view, row, made, changed)
        described: V = extend_schema_view(**views)(extend_schema(tags=[TAG])(view))
        return described

    return describe


def told_once(
    row: type[Struct],
    name: str,
    operation: str,
    summary: str,
    example: dict[str, Any],
    body: type[Struct] | None = None,
    **more: Any,
) -> Any:
    """An operation on one row; `example` is a body of it."""
    told = answer(component(row), "The row as it is now", 400, 404, 412, 422)
    given: dict[str, Any] = {
        "operation_id": f"{operation}{name}",
        "summary": summary,
        "responses": told,
        "parameters": [ONCE],
        "examples": [asked("With a reason", example)],
    }
    given["request"] = {"application/json": component(body or Reason)}
    return extend_schema(**{**given, **more})


def add_components(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """drf-spectacular hook: put the structs' schemas among the components."""
    structs = sorted(COMPONENTS, key=lambda struct: struct.__name__)
    _, made = msgspec.json.schema_components(structs, ref_template="#/components/schemas/{name}")
    for struct in REASONED:
        made[struct.__name__]["properties"] |= made[Reason.__name__]["properties"]
    for struct in CHANGES:
        whole = made[struct.__name__]
        made[f"{struct.__name__}Change"] = {name: value for name, value in whole.items() if name != "required"}
    for name, schema in made.items():
        result["components"]["schemas"].setdefault(name, schema)
    return result


def _name(view: type[Reading]) -> str:
    return "".join(word.capitalize() for word in str(view.model._meta.verbose_name).split())


def _reading(view: type[Reading], row: type[Struct], whole: type[Struct]) -> dict[str, Any]:
    name, said = _name(view), cleandoc(view.__doc__ or "")
    read = answer(component(whole), "The row; its version is in `ETag`, where it can be written", 404)
    found = answer(_page(component(row), view.keyset), "A part of the rows", 400)
    return {
        "list": extend_schema(
            operation_id=f"list{name}", summary=f"List: {said.partition('. ')[0].rstrip('.')}", description=said,
            parameters=_parameters(view), responses=found,
        ),
        "retrieve": extend_schema(operation_id=f"read{name}", summary="Read one", responses=read),
    }  # fmt: skip


def _parameters(view: type[Reading]) -> list[OpenApiParameter]:
    told = [OpenApiParameter("limit", int, description="Rows of the answer: 1 to 200")]
    if not view.keyset:
        told.append(OpenApiParameter("offset", int, description="How many rows to pass over"))
    told += [OpenApiParameter(key, str, description=f"Only with: {each.says}") for key, each in view.filters.items()]
    signs = ("",) if view.keyset else ("", "-")
    if orders := [sign + order for order in view.orders for sign in signs]:
        told.append(OpenApiParameter("ordering", str, enum=orders, description="`-` is downwards"))
    return told


def _page(one: dict[str, Any], keyset: str) -> dict[str, Any]:
    """The schema of a part of a list."""
    numbers = ("limit",) if keyset else ("total", "limit", "offset")
    listed = {
        "object": {"type": "string", "enum": ["list"]},
        "data": {"type": "array", "items": one},
        **{key: {"type": "integer"} for key in numbers},
        "next": {"type": ["string", "null"], "description": "The address of the rows that follow"},
    }
    return {"type": "object", "required": list(listed), "properties": listed}


def asked(name: str, body: Any, media_type: str = "application/json") -> OpenApiExample:
    """A body that Swagger begins with."""
    return OpenApiExample(name, body, request_only=True, media_type=media_type)


def _writing(view: type[Resource], row: type[Struct], made: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    name, one, body = _name(view), component(row), component(view.body)
    changed = {"application/json": component(view.body, changes=True)}
    REASONED.add(view.body)
    return {
        "create": extend_schema(
            operation_id=f"make{name}", summary="Make one", examples=[asked("A new one", made)], parameters=[ONCE],
            request={"application/json": body}, responses=answer(one, "Made", 400, 409, 413, 422, status=201),
        ),
        "partial_update": extend_schema(
            operation_id=f"change{name}", summary="Change one; what is left out stays", parameters=[MATCH, ONCE],
            examples=[asked("One change, and why", change)],
            request=changed, responses=answer(one, "The row as it is now", 400, 404, 412, 413, 422),
        ),
        "destroy": extend_schema(
            operation_id=f"delete{name}", summary="Delete one", parameters=[WHY, MATCH, ONCE],
            responses=answer(None, "Deleted", 404, 409, 412, 422, status=204),
        ),
    }  # fmt: skip
