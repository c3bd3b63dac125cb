"""What /openapi.json says of the Image Generation API is what it answers."""

from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator

from gateway.dialects.imagegen import unserved
from gesso.billing.v1 import billing_pb2
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.gallery.v1 import gallery_pb2
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.faults import Fault

API = "/api/v2"


@pytest.fixture
def staffed(edge: Any, keep: Any) -> Any:
    """An edge whose peers answer everything that this API asks."""
    account = billing_pb2.Account(id="acct_01jzx4t7q2m5v8n3b6c9d0e1f2", name="Ada", plan="pro", storage_mb=512)
    edge.billing.scripts |= {
        "GetAccount": lambda _: account,
        "SetPreferences": lambda _: account,
        "GetBudgets": lambda _: billing_pb2.GetBudgetsResponse(),
        "SetBudget": lambda _: billing_pb2.Budget(),
    }
    edge.gallery.scripts |= {
        "GetStorage": lambda _: gallery_pb2.Storage(byte_count=1),
        "AnalyseImage": lambda _: gallery_pb2.ImageAnalysis(dominant_colors=["#ff5733"]),
        "MeasureMask": lambda _: gallery_pb2.MaskMeasures(
            area_percent=50, regions=[gallery_pb2.MaskMeasures.Region(width=4, height=4)]
        ),
    }
    operations = [pb.OPERATION_TEXT_TO_IMAGE, pb.OPERATION_INPAINT]
    edge.generator.models = [
        pb.Model(
            id=name,
            name=name,
            operations=operations,
            dialects=["imagegen"],
            price_micros={"imagegen": 20_000},
            steps=pb.Model.Range(min=10, max=150, default=50),
        )
        for name in ("sdxl", "flux-dev")
    ]
    edge.generator.scripts["GetUsage"] = lambda _: pb.GetUsageResponse()
    edge.generator.scripts["ListJobs"] = lambda _: pb.ListJobsResponse(jobs=edge.generator.jobs.values())
    edge.generator.answer = edge.generator.drawing(keep(b"png"), warnings=["Something was ignored."])
    return edge


@pytest.fixture
async def document(staffed: Any) -> Any:
    async with staffed.session.get(staffed.url + "/openapi.json") as answer:
        return await answer.json()


async def _check(edge: Any, document: Any, method: str, path: str, template: str, json: Any = None) -> Any:
    """Send a request and hold its answer to the document; the answer."""
    headers = {"X-API-Key": edge.key}
    async with edge.session.request(method, edge.url + path, json=json, headers=headers) as answer:
        body = await answer.json()
    described = document["paths"][template][method.lower()]["responses"][str(answer.status)]
    schema = described["content"]["application/json"]["schema"]
    OAS31Validator({**schema, "components": document["components"]}).validate(body)
    return answer


def _examples(document: Any) -> list[tuple[str, str, Any]]:
    return [
        (method.upper(), path, example["value"])
        for path, methods in document["paths"].items()
        if path.startswith(API)
        for method, operation in methods.items()
        for example in operation.get("requestBody", {"content": {"": {}}})["content"]
        .get("application/json", {})
        .get("examples", {})
        .values()
    ]


async def test_documented_requests_get_documented_answers(staffed: Any, document: Any) -> None:
    sent = _examples(document)
    assert {path for _, path, _ in sent} == {
        f"{API}/generate/text-to-image",
        f"{API}/generate/image-to-image",
        f"{API}/generate/inpaint",
        f"{API}/user/profile",
        f"{API}/user/preferences",
        f"{API}/user/budget",
    }
    for method, path, body in sent:
        answer = await _check(staffed, document, method, path, path, body)
        assert answer.status == (202 if "webhook_url" in body else 200), path


async def test_documented_readings_get_documented_answers(staffed: Any, document: Any) -> None:
    ids = []
    for body in ({"prompt": "a fox"}, {"prompt": "a fox", "init_image": "https://example.com/a.png"}):
        path = f"{API}/generate/" + ("image-to-image" if "init_image" in body else "text-to-image")
        answer = await _check(staffed, document, "POST", path, path, body)
        ids.append(answer.headers["X-Gesso-Job-Id"])
    readings = [(f"{API}/generations/{name}", f"{API}/generations/{{id}}") for name in ids]
    readings += [(path, path) for path in (f"{API}/generations", f"{API}/models", f"{API}/user/profile")]
    readings += [(path, path) for path in (f"{API}/user/preferences", f"{API}/user/usage", f"{API}/user/budget")]
    readings.append((f"{API}/models/sdxl", f"{API}/models/{{id}}"))
    for path, template in readings:
        assert (await _check(staffed, document, "GET", path, template)).status == 200, path


async def test_errors_and_prices_are_documented_answers(staffed: Any, document: Any) -> None:
    path = f"{API}/generate/text-to-image"
    assert (await _check(staffed, document, "POST", path, path, {"prompt": ""})).status == 400
    staffed.generator.answer = staffed.generator.failing(Fault(reasons.REASON_UPSTREAM_FAILED, "Failed."))
    answer = await _check(staffed, document, "POST", path, path, {"prompt": "a fox"})
    assert answer.status == 500
    shown = f"{API}/generations/{answer.headers['X-Gesso-Job-Id']}"
    assert (await _check(staffed, document, "GET", shown, f"{API}/generations/{{id}}")).status == 200
    result = pb.SubmitJobsResponse.SubmitJobResult(quote=pb.Quote(amount_micros=20_000))
    staffed.generator.answer = lambda _: result
    answer = await _check(staffed, document, "POST", f"{path}?dry_run=true", path, {"prompt": "a fox"})
    assert answer.status == 200


async def test_what_is_not_served_yet_answers_501(staffed: Any, document: Any) -> None:
    for route in unserved.ROUTES:
        path = route.path.replace("{id}", "x").replace("{delivery_id}", "y")
        assert (await _check(staffed, document, route.method, path, route.path)).status == 501, route


async def test_what_will_need_no_key_says_so_and_answers_501_without_one(staffed: Any, document: Any) -> None:
    without: set[tuple[str, int]] = set()
    for route in unserved.ROUTES:
        path = route.path.replace("{id}", "x").replace("{delivery_id}", "y")
        async with staffed.session.request(route.method, staffed.url + path) as answer:
            operation = document["paths"][route.path][route.method.lower()]
            assert (answer.status == 401) == bool(operation["security"]), route
            assert str(answer.status) in operation["responses"], route
            without.add((route.path.split("/")[1], answer.status))
    assert without == {("api", 401), ("api", 501), ("oauth", 501), (".well-known", 501)}
