"""What the routes of generations say about themselves; the examples are those of the document.

Source: imagegen-v2.md.
"""

from typing import Annotated

from msgspec import Meta

from gateway.about import About, Answer, Parameter, Scheme
from gateway.dialects.imagegen.generations import DEFAULT_LIMIT, MOST, GenerationList
from gateway.dialects.imagegen.requests import ImageToImage, Inpaint, Output, Parameters, Preserve, Style, TextToImage
from gateway.dialects.imagegen.shapes import (
    Accepted,
    Analysis,
    ChangedGeneration,
    ChangedImage,
    Cost,
    DrawnGeneration,
    DrawnImage,
    DryRun,
    InpaintedGeneration,
    InpaintedImage,
    Region,
    SourceImage,
)
from gateway.wire import EVENT_STREAM
from gesso.errors.v1 import reason_pb2 as pb

TEXT = (
    "The Image Generation API, version 2: pictures from texts, from pictures, and inpainting; models, profile, preferences and "
    "budgets. Its programs work unchanged with this base address and a key of this platform."
)
API_KEY = Scheme(
    "imagegenKey",
    {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The API key, as `X-API-Key: KEY`."},
    "X-API-Key",
)

_ULID = "01JZX4T7Q2M5V8N3B6C9D0E1F2"
_GENERATION_ID, _INPAINTING_ID = f"gen_{_ULID}", f"inp_{_ULID}"
_IMAGE_ID = "img_01JZX4T7QAM5V8N3B6C9D0E1F3"
_LINK = f"http://127.0.0.1:8081/i/{_IMAGE_ID}.png?e=1753000000&s=9pJq"
_BEGAN, _ENDED = "2024-01-01T00:00:00Z", "2024-01-01T00:00:45Z"
_METADATA = {"user_id": "user_123", "project_id": "proj_456", "tags": ["nature", "landscape", "japan"]}
_SOURCE = "https://example.com/source-image.jpg"
_NAMED = "stable-diffusion-xl"
_GARDEN = "A serene Japanese garden with cherry blossoms, koi pond, and traditional bridge at sunset"
_INPUTS = (pb.REASON_INPUT_UNREACHABLE, pb.REASON_INPUT_NOT_AN_IMAGE)

_ID = Parameter(
    "id", "path", "The id of one of your generations, or of a job of whatever dialect.", str, _GENERATION_ID
)
_PRICE = Answer(200, "With `dry_run=true`: the highest price.", DryRun, DryRun(True, Cost(4, 0.08)))
_ACCEPTED = Answer(
    202,
    "The generation goes on: ask at `status_url`.",
    Accepted,
    Accepted(_GENERATION_ID, "queued", _BEGAN, _NAMED, f"http://127.0.0.1:8080/api/v2/generations/{_GENERATION_ID}"),
    headers=("Location", "Retry-After"),
)
_GENERATION = DrawnGeneration(
    id=_GENERATION_ID,
    status="completed",
    created_at=_BEGAN,
    completed_at=_ENDED,
    model=_NAMED,
    images=[
        DrawnImage(
            id=_IMAGE_ID,
            url=_LINK,
            width=1024,
            height=1024,
            size_bytes=2_456_789,
            format="png",
            nsfw_score=None,
            aesthetic_score=None,
            transformations_applied=[],
            seed=42,
            image_id=_IMAGE_ID,
        )
    ],
    cost=Cost(1, 0.02),
    metadata=_METADATA,
    revised_prompt=f"{_GARDEN}, photorealistic, highly detailed, natural textures",
    warnings=[],
    provider="fal",
    upstream_model="fal-ai/fast-sdxl",
)
_DRAWN = Answer(200, "The pictures from a text.", DrawnGeneration, _GENERATION)
_CHANGED = Answer(
    200,
    "The pictures from a picture.",
    ChangedGeneration,
    ChangedGeneration(
        id=_GENERATION_ID,
        status="completed",
        created_at=_BEGAN,
        completed_at=_ENDED,
        source_image=SourceImage(_SOURCE, Analysis(["#FF5733", "#33FF57", "#3357FF"])),
        images=[
            ChangedImage(
                id=_IMAGE_ID,
                url=_LINK,
                width=1024,
                height=1024,
                transformations_applied=["color_transfer"],
                size_bytes=2_456_789,
                format="png",
                nsfw_score=None,
                aesthetic_score=None,
                seed=7,
                image_id=_IMAGE_ID,
            )
        ],
        model=_NAMED,
        cost=Cost(1, 0.02),
        metadata={},
        revised_prompt="Transform into a cyberpunk style with neon lights and futuristic elements",
        warnings=[],
        provider="fal",
        upstream_model="fal-ai/fast-sdxl/image-to-image",
    ),
)
_INPAINTED = Answer(
    200,
    "The picture of which a part was drawn anew.",
    InpaintedGeneration,
    InpaintedGeneration(
        id=_INPAINTING_ID,
        status="completed",
        images=[
            InpaintedImage(
                id=_IMAGE_ID,
                url=_LINK,
                mask_area_percentage=23.5,
                inpainted_regions=[Region(100, 200, 300, 400)],
                width=1024,
                height=1024,
                size_bytes=2_456_789,
                format="png",
                nsfw_score=None,
                aesthetic_score=None,
                transformations_applied=[],
                seed=None,
                image_id=_IMAGE_ID,
            )
        ],
        created_at=_BEGAN,
        completed_at=_ENDED,
        model="stable-diffusion-xl-inpaint",
        cost=Cost(1, 0.02),
        metadata={},
        revised_prompt="Replace with a beautiful flower garden",
        warnings=[],
        provider="fal",
        upstream_model="fal-ai/fast-sdxl/inpainting",
        source_image=SourceImage("https://example.com/original.jpg", Analysis(["#FF5733"])),
    ),
)

_WAITING = (
    "The call waits until the pictures are drawn. One whose wait runs out, one with `Prefer: respond-async`, and one with a "
    "`webhook_url` are answered by 202: the generation goes on."
)
TEXT_TO_IMAGE = About(
    "Generate images from text descriptions",
    _WAITING,
    requests={
        "every field": TextToImage(
            prompt=_GARDEN,
            negative_prompt="blur, low quality, distorted, watermark",
            model=_NAMED,
            parameters=Parameters(
                width=1024,
                height=1024,
                num_outputs=4,
                num_inference_steps=50,
                guidance_scale=7.5,
                scheduler="DPMSolverMultistep",
                seed=42,
                sampler="k_euler_a",
            ),
            style=Style(
                preset="photorealistic",
                artistic_style="impressionist",
                lighting="golden_hour",
                camera_angle="wide_angle",
            ),
            output=Output(format="png", quality=95, return_type="url"),
            webhook_url="https://your-app.com/webhooks/generation-complete",
            metadata=_METADATA,
        ),
        "the shortest": TextToImage(prompt="A cyberpunk street scene at night"),
    },
    answers=(_DRAWN, _PRICE, _ACCEPTED),
)
IMAGE_TO_IMAGE = About(
    "Transform existing images based on text prompts",
    f"{_WAITING} The results have the source's size unless `parameters` say another.",
    requests={
        "a transformation": ImageToImage(
            init_image=_SOURCE,
            prompt="Transform into a cyberpunk style with neon lights and futuristic elements",
            strength=0.75,
            model=_NAMED,
            parameters=Parameters(width=1024, height=1024, num_outputs=2, num_inference_steps=50, guidance_scale=7.5),
            preserve=Preserve(structure=True, colors=False, style=False),
        )
    },
    answers=(_CHANGED, _PRICE, _ACCEPTED),
    reasons=_INPUTS,
)
INPAINT = About(
    "Selectively edit parts of an image using masks",
    f"{_WAITING} White is repainted. The result has the source's size unless `parameters` say another.",
    requests={
        "a garden": Inpaint(
            init_image="https://example.com/original.jpg",
            mask_image="https://example.com/mask.png",
            prompt="Replace with a beautiful flower garden",
            model="stable-diffusion-xl-inpaint",
            parameters=Parameters(num_inference_steps=50, guidance_scale=7.5),
            inpaint_mode="original",
            mask_blur=4,
            preserve_masked_area=False,
        )
    },
    answers=(_INPAINTED, _PRICE, _ACCEPTED),
    reasons=_INPUTS,
)
GENERATIONS = About(
    "List the generations",
    "Newest first, with links whatever `return_type` was asked for.",
    answers=(Answer(200, "A page.", GenerationList, GenerationList([_GENERATION], _GENERATION_ID)),),
    parameters=(
        Parameter(
            "limit", "query", f"How many; {DEFAULT_LIMIT} where it is absent.", Annotated[int, Meta(ge=1, le=MOST)]
        ),
        Parameter("cursor", "query", "`next_cursor` of the page before."),
    ),
    reasons=(pb.REASON_INVALID_FIELD,),
)
GENERATION = About(
    "Check a generation's status",
    "200 as it stands; a finished one is shown as its call was answered, one that failed with its `error`.",
    answers=(_DRAWN, _CHANGED, _INPAINTED),
    parameters=(_ID,),
)
CANCEL = About(
    "Cancel a generation",
    "Ends what has not started. One that has goes on, and is charged: it is 409, as one that has ended.",
    answers=(Answer(204, "What had not started will not."),),
    parameters=(_ID,),
)
EVENTS = About(
    "Follow a generation",
    "Server-sent events: `status`, `image` and `progress` as they come, then `completed`, `failed` or `cancelled` with the whole "
    "generation. Their ids count up: `Last-Event-ID` resumes after the one that was seen last.",
    answers=(Answer(200, "The events.", content_type=EVENT_STREAM),),
    parameters=(
        _ID,
        Parameter("Last-Event-ID", "header", "The id of the event that was seen last.", Annotated[int, Meta(ge=0)], 4),
    ),
)
