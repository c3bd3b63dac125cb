"""The names of the documents lead to the upstreams chosen for them: the preferred one first, then who serves in its place."""

from collections.abc import Sequence

import pytest

from generator.catalogue import Catalogue
from gesso.generator.v1 import generator_pb2 as pb

DRAWN = pb.OPERATION_TEXT_TO_IMAGE
EDITED = pb.OPERATION_IMAGE_TO_IMAGE
INPAINTED = pb.OPERATION_INPAINT


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The files that are shipped."""
    return Catalogue.load(providers={})


@pytest.mark.parametrize(
    ("model", "operation", "upstreams"),
    [
        *(
            (name, DRAWN, ("openai/gpt-image-2.5-flare", "openai/gpt-image-2"))
            for name in ("dalle", "dall-e-2", "dall-e-3")
        ),
        ("gpt-image-1", DRAWN, ("openai/gpt-image-2.5-sunburst", "openai/gpt-image-2")),
        *(
            (name, DRAWN, (f"openai/{name}", "openai/gpt-image-2.5-sunburst"))
            for name in ("gpt-image-1.5", "gpt-image-1.5-2025-12-16", "chatgpt-image-latest")
        ),
        *(
            (f"gpt-{quality}", EDITED, ("openai/gpt-image-2.5-flare", "fal/openai/gpt-image-2.5/flare/edit"))
            for quality in ("low", "medium", "high")
        ),
        ("imagen-3", DRAWN, ("google/gemini-nano-banana-2.1", "fal/fal-ai/imagen4/preview")),
        ("imagen-4", DRAWN, ("google/gemini-nano-banana-2.1", "fal/fal-ai/imagen4/preview")),
        ("imagen-4-fast", DRAWN, ("google/gemini-3.1-flash-lite-image", "fal/fal-ai/imagen4/preview/fast")),
        ("imagen-4-ultra", DRAWN, ("google/gemini-3-pro-image", "fal/fal-ai/imagen4/preview/ultra")),
        ("gemini", DRAWN, ("google/gemini-nano-banana-2.1", "google/gemini-3.1-flash-image")),
        ("nanobanana", DRAWN, ("google/gemini-2.5-flash-image", "fal/fal-ai/nano-banana")),
        ("nanobanana", EDITED, ("google/gemini-2.5-flash-image", "fal/fal-ai/nano-banana/edit")),
        ("nanobananapro", DRAWN, ("google/gemini-3-pro-image", "fal/fal-ai/nano-banana-pro")),
        ("nanobananapro", EDITED, ("google/gemini-3-pro-image", "fal/fal-ai/nano-banana-pro/edit")),
        ("ideogram-v3", DRAWN, ("ideogram/ideogram-v3", "fal/fal-ai/ideogram/v3")),
        ("flux-kontext", DRAWN, ("bfl/flux-kontext-pro", "fal/fal-ai/flux-pro/kontext/text-to-image")),
        (
            "kontext-pro",
            EDITED,
            ("bfl/flux-kontext-pro", "fal/fal-ai/flux-pro/kontext", "replicate/black-forest-labs/flux-kontext-pro"),
        ),
        (
            "kontext-max",
            EDITED,
            ("bfl/flux-kontext-max", "fal/fal-ai/flux-pro/kontext/max", "replicate/black-forest-labs/flux-kontext-max"),
        ),
        (
            "flux-dev",
            DRAWN,
            (
                "fal/fal-ai/flux/dev",
                "bfl/flux-dev",
                "replicate/black-forest-labs/flux-dev",
                "together/black-forest-labs/FLUX.1-dev",
            ),
        ),
        ("flux-pro", DRAWN, ("fal/fal-ai/flux-pro/new", "bfl/flux-pro-1.1", "replicate/black-forest-labs/flux-pro")),
        ("flux-1.1-pro", DRAWN, ("bfl/flux-pro-1.1", "fal/fal-ai/flux-pro/v1.1")),
        ("flux-1.1-pro-ultra", DRAWN, ("bfl/flux-pro-1.1-ultra", "fal/fal-ai/flux-pro/v1.1-ultra")),
        (
            "flux-dev-single-lora",
            DRAWN,
            (
                "fal/fal-ai/flux-lora",
                "together/black-forest-labs/FLUX.1-dev-lora",
                "replicate/black-forest-labs/flux-dev-lora",
            ),
        ),
        (
            "seedream-3",
            DRAWN,
            ("fal/fal-ai/bytedance/seedream/v3/text-to-image", "ark/seedream-3-0-t2i-250415"),
        ),
        ("seedream-4", DRAWN, ("ark/seedream-4-0-250828", "fal/fal-ai/bytedance/seedream/v4/text-to-image")),
        ("seedream", EDITED, ("ark/seedream-4-5-251128", "fal/fal-ai/bytedance/seedream/v4/edit")),
        ("minimax", DRAWN, ("minimax/image-01", "fal/fal-ai/minimax/image-01")),
        ("qwen-image", DRAWN, ("dashscope/qwen-image-2.0", "fal/fal-ai/qwen-image", "comfyui/qwen-image")),
        ("reve", DRAWN, ("reve/latest", "fal/fal-ai/reve/text-to-image")),
        (
            "stable-diffusion-xl",
            DRAWN,
            (
                "fal/fal-ai/fast-sdxl",
                "replicate/stability-ai/sdxl",
                "together/stabilityai/stable-diffusion-xl-base-1.0",
                "a1111/sdxl",
                "comfyui/sdxl",
            ),
        ),
        ("stable-diffusion-xl-inpaint", INPAINTED, ("fal/fal-ai/fast-sdxl/inpainting", "a1111/sdxl")),
        (
            "stable-diffusion-3",
            DRAWN,
            ("stability/sd3.5-large", "fal/fal-ai/stable-diffusion-v35-large", "fal/fal-ai/stable-diffusion-v3-medium"),
        ),
        ("real-esrgan", pb.OPERATION_UPSCALE, ("fal/fal-ai/esrgan", "replicate/nightmareai/real-esrgan")),
        (
            "magnific-precision",
            pb.OPERATION_UPSCALE,
            ("magnific/image-upscaler-precision-v2", "magnific/image-upscaler-precision"),
        ),
        (
            "background-removal",
            pb.OPERATION_REMOVE_BACKGROUND,
            ("fal/fal-ai/birefnet/v2", "stability/remove-background"),
        ),
        ("midjourney-v6", DRAWN, ()),
    ],
)
def test_a_name_leads_to_its_upstreams_in_their_order(
    catalogue: Catalogue, model: str, operation: pb.Operation.ValueType, upstreams: Sequence[str]
) -> None:
    routes = catalogue.candidates(pb.Draw(operation=operation, model=model))
    named = [f"{route.provider}/{route.upstream_model}" for route in routes]
    assert tuple(one for one in named if one in upstreams) == upstreams
