"""The OpenAPI document is valid, complete, and says nothing that its own schemas deny."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from gateway import lifesigns
from gateway.asked import PARAMETERS
from gateway.clients.health import Health
from gateway.dialects import DIALECTS, Settings
from gateway.dialects.base import Buy
from gateway.faults import STATUSES
from gateway.manual.failures import by_status
from gateway.manual.openapi import document, example_name
from gateway.manual.reasons import EXPLAINED
from gateway.manual.routes import Manual
from gateway.middleware.cors import EXPOSED
from gesso.errors.v1 import reason_pb2 as pb
from gesso.errors.v1.reason_pb2 import Reason
from servicekit.settings import load

SPOKEN = [make(load(Settings, {})) for make in DIALECTS]
SIGNS = lifesigns.routes(Health([]))
MANUAL = Manual(SPOKEN, SIGNS, "http://edge.test")
DOCUMENT: Any = json.loads(json.dumps(MANUAL.document))
ROUTES = [(dialect, route) for dialect in SPOKEN for route in dialect.routes]
OPERATIONS = [
    (method.upper(), path, about) for path, methods in DOCUMENT["paths"].items() for method, about in methods.items()
]
NAMES = [f"{method} {path}" for method, path, _ in OPERATIONS]


def test_it_is_valid() -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_every_route_is_described_and_nothing_else() -> None:
    served = {(route.method, route.path) for _, route in ROUTES}
    plain = {("GET", route.path) for route in (*SIGNS, *MANUAL.routes)}
    assert {(method, path) for method, path, _ in OPERATIONS} == served | plain
    assert not any("admin" in path for _, path, _ in OPERATIONS)


def test_operations_have_ids_of_their_own() -> None:
    ids = [about["operationId"] for _, _, about in OPERATIONS]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(("method", "path", "about"), OPERATIONS, ids=NAMES)
def test_an_operation_says_what_it_takes_and_answers(method: str, path: str, about: Any) -> None:
    assert about["summary"]
    named = {one["name"] for one in about["parameters"] if one["in"] == "path"}
    assert named == set(re.findall(r"{(\w+)}", path))
    assert about["responses"]
    for status, response in about["responses"].items():
        assert "X-Request-ID" in response["headers"]
        assert bool(response.get("content")) == (status != "204")


@pytest.mark.parametrize(("dialect", "route"), ROUTES, ids=[f"{route.method} {route.path}" for _, route in ROUTES])
def test_a_purchase_is_described_with_its_manner(dialect: Any, route: Any) -> None:
    about = DOCUMENT["paths"][route.path][route.method.lower()]
    assert about["security"] == [{scheme.name: []} for scheme in dialect.schemes if not route.keyless]
    if isinstance(route.action, Buy):
        assert {one.name for one in PARAMETERS} <= {one["name"] for one in about["parameters"]}
        assert about["requestBody"]["content"]["application/json"]["examples"]
        failing = set(by_status(dialect, (pb.REASON_INSUFFICIENT_FUNDS, pb.REASON_UPSTREAM_FAILED)))
        assert {"200", "400", "401", "403", "429", "500", "503", "504", *map(str, failing)} <= set(about["responses"])


def _media() -> Iterator[Any]:
    for method, path, about in OPERATIONS:
        contents = {"request": about.get("requestBody", {"content": {}})["content"]}
        contents |= {status: response.get("content", {}) for status, response in about["responses"].items()}
        for where, content in contents.items():
            for media in content.values():
                for name, example in media.get("examples", {}).items():
                    yield pytest.param(media["schema"], example, id=f"{method} {path} {where} {name}")


@pytest.mark.parametrize(("schema", "example"), list(_media()))
def test_an_example_is_what_its_schema_says(schema: Any, example: Any) -> None:
    if "$ref" in example:
        example = DOCUMENT["components"]["examples"][example["$ref"].rpartition("/")[2]]
    OAS31Validator({**schema, "components": DOCUMENT["components"]}).validate(example["value"])


def test_every_reason_is_explained_and_has_an_example_in_every_dialect() -> None:
    assert sorted(EXPLAINED) == sorted(STATUSES)
    for reason in STATUSES:
        for dialect in SPOKEN:
            assert example_name(dialect, reason) in DOCUMENT["components"]["examples"]


def test_reasons_that_no_route_has_yet_are_known() -> None:
    """By a path that does not exist, pictures as inputs, own keys, subscriptions, and things that are changed."""
    shown = {
        reason
        for _, _, about in OPERATIONS
        for response in about["responses"].values()
        for media in response.get("content", {}).values()
        for reason in media.get("examples", ())
    }
    assert {Reason.Name(reason).removeprefix("REASON_") for reason in STATUSES} - shown <= {
        "CONFLICT",
        "INPUT_NOT_AN_IMAGE",
        "INPUT_UNREACHABLE",
        "METHOD_NOT_ALLOWED",
        "PROVIDER_KEY_REQUIRED",
        "SUBSCRIPTION_REQUIRED",
        "UNKNOWN_PATH",
    }


def test_every_header_that_other_origins_may_read_is_described() -> None:
    assert set(EXPOSED) <= set(DOCUMENT["components"]["headers"])


def test_the_same_type_names_of_two_dialects_stay_apart() -> None:
    first = SPOKEN[0]
    fields = (
        "title",
        "text",
        "schemes",
        "error_body",
        "codes",
        "special_codes",
        "statuses",
        "routes",
        "word",
        "window_headers",
    )
    other = type("_", (), {"name": "other", **{name: getattr(first, name) for name in fields}})()
    schemas = document([first, other], (), "http://edge.test")["components"]["schemas"]
    assert {name.partition(".")[0] for name in schemas} == {"openai", "other"}
    assert schemas["other.ErrorBody"]["properties"]["error"] == {"$ref": "#/components/schemas/other.ErrorObject"}


def test_an_error_that_time_mends_bears_the_time() -> None:
    about = DOCUMENT["paths"]["/v1/images/generations"]["post"]["responses"]
    assert "Retry-After" in about["429"]["headers"]
    assert "Retry-After" not in about["402"]["headers"]
    assert EXPLAINED[pb.REASON_RATE_LIMITED].passes
