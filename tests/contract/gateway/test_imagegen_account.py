"""Models, profile, preferences, usage and budgets of the Image Generation API, key by key."""

import datetime
from typing import Any

import pytest

from gesso.billing.v1 import billing_pb2
from gesso.gallery.v1 import gallery_pb2
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.timestamps import to_timestamp

ACCOUNT = "acct_01jzx4t7q2m5v8n3b6c9d0e1f2"
TODAY = datetime.datetime.now(datetime.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
SDXL = pb.Model(
    id="stable-diffusion-xl",
    name="Stable Diffusion XL",
    description="Latest version of Stable Diffusion with improved quality and coherence",
    version="1.0",
    owner="stability",
    state=pb.Model.STATE_ACTIVE,
    operations=[pb.OPERATION_TEXT_TO_IMAGE, pb.OPERATION_IMAGE_TO_IMAGE, pb.OPERATION_INPAINT],
    dialects=["imagegen", "openai"],
    price_micros={"imagegen": 20_000, "openai": 20_000},
    native_sizes=["1024x1024", "1152x896", "896x1152"],
    max_prompt_characters=32_000,
    created_at=1_690_329_600,
    steps=pb.Model.Range(min=10, max=150, default=50),
    guidance=pb.Model.Range(min=1, max=20, default=7.5),
    schedulers=["DPMSolverMultistep", "DDIM", "K_EULER"],
    performance=pb.Model.Performance(samples=20, average_seconds=15.0, queue_seconds=2.004),
)
MIDJOURNEY = pb.Model(
    id="midjourney-v6",
    name="Midjourney v6",
    version="6.0",
    owner="midjourney",
    state=pb.Model.STATE_UNAVAILABLE,
    operations=[pb.OPERATION_TEXT_TO_IMAGE],
    dialects=["imagegen"],
    price_micros={"imagegen": 50_000},
    features=["artistic", "creative", "stylized"],
    performance=pb.Model.Performance(samples=19, average_seconds=9),
)
UPSCALER = pb.Model(
    id="real-esrgan",
    name="Real-ESRGAN",
    state=pb.Model.STATE_STAND_IN,
    operations=[pb.OPERATION_UPSCALE],
    dialects=["imagegen"],
    price_micros={"imagegen": 40_000},
)
ELSEWHERE = pb.Model(id="elsewhere", operations=[pb.OPERATION_TEXT_TO_IMAGE], dialects=["openai"])
SIZES = [{"width": 1024, "height": 1024}, {"width": 1152, "height": 896}, {"width": 896, "height": 1152}]


@pytest.fixture
def listing(edge: Any) -> Any:
    """An edge whose catalogue has a model of each kind."""
    edge.generator.models = [SDXL, MIDJOURNEY, UPSCALER, ELSEWHERE]
    return edge


async def test_models_are_listed_as_the_document_shows_them(listing: Any) -> None:
    async with listing.get("/api/v2/models") as answer:
        body = await answer.json()
    assert body["models"][0] == {
        "id": "stable-diffusion-xl",
        "name": "Stable Diffusion XL",
        "version": "1.0",
        "type": "text-to-image",
        "status": "active",
        "capabilities": ["text-to-image", "image-to-image", "inpainting"],
        "supported_sizes": SIZES,
        "pricing": {"per_image": 0.02, "credits": 1},
        "performance": {"average_generation_time": 15, "queue_time": 2},
    }
    assert list(body["models"][1]) == [
        "id",
        "name",
        "version",
        "type",
        "status",
        "capabilities",
        "specialized_features",
        "supported_sizes",
        "pricing",
        "performance",
    ]


async def test_a_model_that_nobody_serves_is_listed_as_unavailable(listing: Any) -> None:
    async with listing.get("/api/v2/models") as answer:
        midjourney = (await answer.json())["models"][1]
    assert (midjourney["id"], midjourney["status"]) == ("midjourney-v6", "unavailable")
    assert midjourney["pricing"] == {"per_image": 0.05, "credits": 2.5}
    assert midjourney["specialized_features"] == ["artistic", "creative", "stylized"]


async def test_performance_is_not_told_under_20_samples(listing: Any) -> None:
    async with listing.get("/api/v2/models") as answer:
        assert [model["performance"] is None for model in (await answer.json())["models"]] == [False, True, True]


async def test_models_that_process_pictures_are_listed_and_those_of_other_dialects_are_not(listing: Any) -> None:
    async with listing.get("/api/v2/models") as answer:
        models = (await answer.json())["models"]
    assert [model["id"] for model in models] == ["stable-diffusion-xl", "midjourney-v6", "real-esrgan"]
    upscaler = models[2]
    assert (upscaler["type"], upscaler["capabilities"], upscaler["status"]) == ("upscaling", ["upscaling"], "active")
    assert (upscaler["version"], "supported_sizes" in upscaler) == (None, False)


async def test_a_model_is_shown_in_full(listing: Any) -> None:
    async with listing.get("/api/v2/models/stable-diffusion-xl") as answer:
        model = (await answer.json())["model"]
    assert list(model)[:9] == [
        "id",
        "name",
        "description",
        "version",
        "release_date",
        "type",
        "status",
        "capabilities",
        "parameters",
    ]
    assert (model["release_date"], model["description"]) == ("2023-07-26", SDXL.description)
    assert list(model["capabilities"].items())[:5] == [
        ("text_to_image", True),
        ("image_to_image", True),
        ("inpainting", True),
        ("outpainting", False),
        ("controlnet", False),
    ]
    assert model["parameters"] == {
        "max_prompt_length": 1000,
        "supported_schedulers": ["DPMSolverMultistep", "DDIM", "K_EULER"],
        "inference_steps_range": {"min": 10, "max": 150, "default": 50},
        "guidance_scale_range": {"min": 1.0, "max": 20.0, "default": 7.5},
    }
    assert not {"training_data", "examples"} & set(model)


async def test_a_parameter_that_a_model_lacks_is_null(listing: Any) -> None:
    async with listing.get("/api/v2/models/midjourney-v6") as answer:
        parameters = (await answer.json())["model"]["parameters"]
    assert (parameters["inference_steps_range"], parameters["guidance_scale_range"]) == (None, None)


@pytest.mark.parametrize("model", ["elsewhere", "none"])
async def test_a_model_that_is_not_of_this_dialect_is_not_found(listing: Any, model: str) -> None:
    async with listing.get(f"/api/v2/models/{model}") as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (404, "NOT_FOUND")


def _account(**fields: Any) -> billing_pb2.Account:
    return billing_pb2.Account(
        id=ACCOUNT,
        name="creative_artist",
        plan="pro",
        created_at=to_timestamp(datetime.datetime(2023, 1, 1, tzinfo=datetime.UTC)),
        balance=billing_pb2.Balance(available_micros=90_420_000),
        storage_mb=10_240,
        **fields,
    )


def _sums(images: int) -> pb.Sums:
    return pb.Sums(jobs=images // 2, images=images, charge_micros=images * 20_000)


@pytest.fixture
def known(listing: Any) -> Any:
    """An edge whose caller's account has been used today and before."""
    subscription = billing_pb2.Subscription(
        plan="pro", active=True, renews_at=to_timestamp(datetime.datetime(2024, 2, 1, tzinfo=datetime.UTC))
    )
    account = _account(email="user@example.com", subscription=subscription)
    listing.asked = []

    def set_preferences(request: Any) -> Any:
        account.preferences.MergeFrom(request.preferences)
        listing.billing.caller.preferences.MergeFrom(request.preferences)
        return account

    def get_usage(request: Any) -> Any:
        listing.asked.append(request)
        buckets = [pb.GetUsageResponse.Bucket(start=to_timestamp(TODAY), sums=_sums(45))]
        models = [pb.GetUsageResponse.ModelSums(model="stable-diffusion-xl", sums=_sums(892))]
        return pb.GetUsageResponse(total=_sums(892), buckets=buckets, models=models)

    listing.billing.scripts |= {"GetAccount": lambda _: account, "SetPreferences": set_preferences}
    listing.gallery.scripts["GetStorage"] = lambda _: gallery_pb2.Storage(byte_count=2_048_000_000)
    listing.generator.scripts["GetUsage"] = get_usage
    return listing


PROFILE = {
    "user": {
        "id": "user_01jzx4t7q2m5v8n3b6c9d0e1f2",
        "email": "user@example.com",
        "username": "creative_artist",
        "created_at": "2023-01-01T00:00:00Z",
        "subscription": {"plan": "pro", "status": "active", "renews_at": "2024-02-01T00:00:00Z"},
        "usage": {
            "images_generated_today": 45,
            "images_generated_month": 892,
            "credits_remaining": 4521,
            "storage_used_mb": 2048,
            "storage_limit_mb": 10240,
        },
        "preferences": {
            "default_model": "stable-diffusion-xl",
            "default_size": "1024x1024",
            "nsfw_filter": True,
            "auto_save_gallery": True,
        },
    }
}


def _keys(value: Any) -> Any:
    return [(name, _keys(inner)) for name, inner in value.items()] if isinstance(value, dict) else type(value)


async def test_the_profile_is_the_documents(known: Any) -> None:
    async with known.get("/api/v2/user/profile") as answer:
        body = await answer.json()
    assert body == PROFILE
    assert _keys(body) == _keys(PROFILE)
    (asked,) = known.asked
    assert (asked.since, asked.dialect) == (to_timestamp(TODAY.replace(day=1)), "")


async def test_what_is_not_known_of_an_account_is_null(known: Any) -> None:
    bare = _account()
    bare.storage_mb = 0
    known.billing.scripts["GetAccount"] = lambda _: bare
    async with known.get("/api/v2/user/profile") as answer:
        user = (await answer.json())["user"]
    assert (user["email"], user["usage"]["storage_limit_mb"]) == (None, None)
    assert user["subscription"] == {"plan": "pro", "status": "inactive", "renews_at": None}


@pytest.mark.parametrize("path", ["/api/v2/user/profile", "/api/v2/user/preferences"])
@pytest.mark.parametrize("under", ["preferences", ""])
async def test_preferences_are_set_under_their_name_or_at_the_top(known: Any, path: str, under: str) -> None:
    wishes = {"default_model": "midjourney-v6", "nsfw_filter": False, "default_size": None}
    async with known.session.patch(
        known.url + path, json={under: wishes} if under else wishes, headers={"X-API-Key": known.key}
    ) as answer:
        body = await answer.json()
        assert answer.status == 200
    assert body.get("user", body)["preferences"] == {
        "default_model": "midjourney-v6",
        "default_size": "1024x1024",
        "nsfw_filter": False,
        "auto_save_gallery": True,
    }
    async with known.get("/api/v2/user/preferences") as answer:
        assert (await answer.json())["preferences"]["default_model"] == "midjourney-v6"


async def test_preferences_take_effect_with_the_next_request(known: Any, keep: Any) -> None:
    known.generator.answer = known.generator.drawing(keep(b"png"))
    body = {"prompt": "a fox"}
    async with known.post(body, path="/api/v2/generate/text-to-image") as answer:
        assert (await answer.json())["model"] == "stable-diffusion-xl"
    wishes = {"default_model": "midjourney-v6", "default_size": "512x768", "auto_save_gallery": False}
    headers = {"X-API-Key": known.key}
    async with known.session.patch(f"{known.url}/api/v2/user/profile", json=wishes, headers=headers) as answer:
        assert answer.status == 200
    async with known.post(body, path="/api/v2/generate/text-to-image") as answer:
        assert (await answer.json())["model"] == "midjourney-v6"
    purchase = known.generator.submissions[-1].purchase
    assert (purchase.draws[0].width, purchase.draws[0].height, purchase.keep_seconds) == (512, 768, 86_400)
    known.gallery.scripts["AnalyseImage"] = lambda _: gallery_pb2.ImageAnalysis()
    source = {**body, "init_image": "https://example.com/a.png"}
    async with known.post(
        source, path="/api/v2/generate/image-to-image"
    ) as answer:  # which midjourney-v6 does not offer
        assert (await answer.json())["model"] == "stable-diffusion-xl"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"default_model": "none"}, "default_model"),
        ({"preferences": {"default_model": "none"}}, "preferences.default_model"),
        ({"default_size": "1001x1024"}, "default_size"),
        ({"preferences": {"default_size": "4096x1024"}}, "preferences.default_size"),
        ({"default_size": "large"}, "default_size"),
        ({"nsfw_filter": "no"}, "nsfw_filter"),
        ({"preferences": {"auto_save_gallery": 1}}, "preferences.auto_save_gallery"),
        ({"preferences": []}, "preferences"),
    ],
)
async def test_a_wrong_preference_is_named(known: Any, change: Any, field: str) -> None:
    headers = {"X-API-Key": known.key}
    async with known.session.patch(f"{known.url}/api/v2/user/profile", json=change, headers=headers) as answer:
        error = (await answer.json())["error"]
        assert (answer.status, error["code"], error["details"]) == (400, "INVALID_REQUEST", {"field": field})


@pytest.mark.parametrize(
    ("period", "rows", "step"),
    [
        ("24h", 24, pb.GetUsageRequest.STEP_HOUR),
        ("7d", 7, pb.GetUsageRequest.STEP_DAY),
        ("30d", 30, pb.GetUsageRequest.STEP_DAY),
        ("90d", 90, pb.GetUsageRequest.STEP_DAY),
        ("", 30, pb.GetUsageRequest.STEP_DAY),
    ],
)
async def test_usage_has_a_row_for_each_hour_or_day(known: Any, period: str, rows: int, step: Any) -> None:
    async with known.get(f"/api/v2/user/usage?period={period}") as answer:
        used = (await answer.json())["usage"]
    (asked,) = known.asked
    assert asked.step == step
    starts = [row["start"] for row in used["history"]]
    assert (len(starts), starts, starts[0]) == (rows, sorted(set(starts)), used["since"])
    assert used["period"] == (period or "30d")
    assert (used["generations"], used["images"], used["cost"]) == (446, 892, {"credits": 892, "usd": 17.84})
    today = next(row for row in used["history"] if row["start"] == TODAY.strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert today == {"start": today["start"], "generations": 22, "images": 45, "cost": {"credits": 45, "usd": 0.9}}
    assert used["models"] == [
        {"model": "stable-diffusion-xl", "images": 892, "cost": {"credits": 892, "usd": 17.84}},
    ]


async def test_an_unknown_period_is_named(known: Any) -> None:
    async with known.get("/api/v2/user/usage?period=1y") as answer:
        error = (await answer.json())["error"]
        assert (answer.status, error["details"]) == (400, {"field": "period"})
