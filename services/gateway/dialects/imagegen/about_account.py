"""What the routes of models and of the account say about themselves; the examples are those of the document.

Source: imagegen-v2.md, "Model Management Endpoints" and "User and Gallery Endpoints".
"""

from typing import Literal

from gateway.about import About, Answer, Parameter
from gateway.dialects.imagegen.account import (
    DEFAULT_PERIOD,
    Profile,
    ShownPreferences,
    ShownUsage,
    Subscription,
    Usage,
    UsageToday,
    Used,
    UsedModel,
    User,
)
from gateway.dialects.imagegen.budget import BudgetChange, Limit, ShownBudget, Spending
from gateway.dialects.imagegen.models import (
    Capabilities,
    DetailedModel,
    Guidance,
    ListedModel,
    ModelDetail,
    ModelList,
    ModelParameters,
    Performance,
    Pricing,
    Size,
    Steps,
)
from gateway.dialects.imagegen.preferences import Preferences, PreferencesChange, Wishes
from gateway.dialects.imagegen.shapes import Cost
from gesso.errors.v1 import reason_pb2 as pb

_SIZES = [Size(1024, 1024), Size(1152, 896), Size(896, 1152)]
_LISTED = [
    ListedModel(
        id="stable-diffusion-xl",
        name="Stable Diffusion XL",
        version="1.0",
        type="text-to-image",
        status="active",
        capabilities=["text-to-image", "image-to-image", "inpainting"],
        supported_sizes=_SIZES,
        pricing=Pricing(0.02, 1),
        performance=Performance(15, 2),
    ),
    ListedModel(
        id="midjourney-v6",
        name="Midjourney v6",
        version="6.0",
        type="text-to-image",
        status="unavailable",
        capabilities=["text-to-image"],
        specialized_features=["artistic", "creative", "stylized"],
        supported_sizes=[Size(1024, 1024)],
        pricing=Pricing(0.05, 2.5),
        performance=None,
    ),
]
_DETAILED = DetailedModel(
    id="stable-diffusion-xl",
    name="Stable Diffusion XL",
    description="Latest version of Stable Diffusion with improved quality and coherence",
    version="1.0",
    release_date="2023-07-26",
    type="text-to-image",
    status="active",
    capabilities=Capabilities(
        text_to_image=True,
        image_to_image=True,
        inpainting=True,
        upscaling=False,
        background_removal=False,
        filters=False,
    ),
    parameters=ModelParameters(
        max_prompt_length=1000,
        supported_schedulers=["DPMSolverMultistep", "DDIM", "K_EULER"],
        inference_steps_range=Steps(10, 150, 50),
        guidance_scale_range=Guidance(1.0, 20.0, 7.5),
    ),
    supported_sizes=_SIZES,
    pricing=Pricing(0.02, 1),
    performance=Performance(15, 2),
    owner="stability",
    deprecated_on=None,
    sunset_on=None,
)
MODELS = About(
    "List the models",
    "Every model that has a price here. One that nobody serves now is `unavailable`: a request for it is answered by 503.",
    answers=(Answer(200, "The models.", ModelList, ModelList(_LISTED)),),
)
MODEL = About(
    "Look up a model",
    answers=(Answer(200, "The model.", ModelDetail, ModelDetail(_DETAILED)),),
    parameters=(Parameter("id", "path", "The model's id.", str, "stable-diffusion-xl"),),
    reasons=(pb.REASON_NOT_FOUND,),
)

_PREFERENCES = Preferences(
    default_model="stable-diffusion-xl", default_size="1024x1024", nsfw_filter=True, auto_save_gallery=True
)
_PROFILE = Answer(
    200,
    "The profile.",
    Profile,
    Profile(
        User(
            id="user_01JZX4T7Q2M5V8N3B6C9D0E1F2",
            email="user@example.com",
            username="creative_artist",
            created_at="2023-01-01T00:00:00Z",
            subscription=Subscription("pro", "active", "2024-02-01T00:00:00Z"),
            usage=UsageToday(
                images_generated_today=45,
                images_generated_month=892,
                credits_remaining=4521,
                storage_used_mb=2048,
                storage_limit_mb=10240,
            ),
            preferences=_PREFERENCES,
        )
    ),
)
_SHOWN = Answer(200, "The preferences.", ShownPreferences, ShownPreferences(_PREFERENCES))
_CHANGES = {
    "of its own": PreferencesChange(preferences=Wishes(default_model="flux-dev", auto_save_gallery=False)),
    "at the top": PreferencesChange(default_size="1152x896"),
}
_TAKES_EFFECT = (
    "What is left out stays. It takes effect with the next request of the same key, everywhere within 5 seconds."
)
PROFILE = About("Show the profile and its statistics", answers=(_PROFILE,))
CHANGE_PROFILE = About("Set preferences", _TAKES_EFFECT, requests=_CHANGES, answers=(_PROFILE,))
PREFERENCES = About("Show the preferences", answers=(_SHOWN,))
CHANGE_PREFERENCES = About("Set preferences, and show them alone", _TAKES_EFFECT, requests=_CHANGES, answers=(_SHOWN,))

_USAGE = Usage(
    period="7d",
    since="2024-01-01T00:00:00Z",
    until="2024-01-07T12:00:00Z",
    generations=4,
    images=10,
    cost=Cost(10, 0.2),
    credits_remaining=4521,
    storage_used_mb=20.5,
    storage_limit_mb=10240,
    history=[Used("2024-01-01T00:00:00Z", 4, 10, Cost(10, 0.2))],
    models=[UsedModel("stable-diffusion-xl", 10, Cost(10, 0.2))],
)
USAGE = About(
    "Show what was used",
    "Over all APIs of the account, in UTC hours or days.",
    answers=(Answer(200, "The sums.", ShownUsage, ShownUsage(_USAGE)),),
    parameters=(
        Parameter(
            "period",
            "query",
            f"{DEFAULT_PERIOD} where it is absent.",
            Literal["24h", "7d", "30d", "90d"],
            DEFAULT_PERIOD,
        ),
    ),
    reasons=(pb.REASON_INVALID_FIELD,),
)

_BUDGET = Answer(
    200,
    "The budgets.",
    ShownBudget,
    ShownBudget(
        day=Spending(limit_usd=10.0, spent_usd=0.2, remaining_usd=9.8),
        month=Spending(limit_usd=None, spent_usd=None, remaining_usd=None),
        alert_at_percent=[50, 80],
    ),
)
BUDGET = About("Show the budgets", answers=(_BUDGET,))
CHANGE_BUDGET = About(
    "Set the budgets",
    "All of them: one that is left out is lifted. A request that a budget does not cover is 402 `QUOTA_EXCEEDED`, in every API.",
    requests={"ten dollars a day": BudgetChange(day=Limit(limit_usd=10.0), alert_at_percent=[50, 80])},
    answers=(_BUDGET,),
)
