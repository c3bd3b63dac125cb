"""The Image Generation API as its document calls it: requests, answers, and the form of its errors."""

from typing import Any

from gesso.generator.v1 import generator_pb2

Submitted = generator_pb2.SubmitJobsResponse.SubmitJobResult
TEXT, IMAGE, INPAINT = (f"/api/v2/generate/{name}" for name in ("text-to-image", "image-to-image", "inpaint"))
METADATA = {"user_id": "user_123", "project_id": "proj_456", "tags": ["nature", "landscape", "japan"]}

TEXT_REQUEST: dict[str, Any] = {
    "prompt": "A serene Japanese garden with cherry blossoms, koi pond, and traditional bridge at sunset",
    "negative_prompt": "blur, low quality, distorted, watermark",
    "model": "stable-diffusion-xl",
    "parameters": {
        "width": 1024,
        "height": 1024,
        "num_outputs": 4,
        "num_inference_steps": 50,
        "guidance_scale": 7.5,
        "scheduler": "DPMSolverMultistep",
        "seed": 42,
        "sampler": "k_euler_a",
    },
    "style": {
        "preset": "photorealistic",
        "artistic_style": "impressionist",
        "lighting": "golden_hour",
        "camera_angle": "wide_angle",
    },
    "output": {"format": "png", "quality": 95, "return_type": "url"},
    "metadata": METADATA,
}
TEXT_ANSWER = {
    "id": "gen_abc123def456",
    "status": "completed",
    "created_at": "2024-01-01T00:00:00Z",
    "completed_at": "2024-01-01T00:00:45Z",
    "model": "stable-diffusion-xl",
    "images": [
        {
            "id": "img_001",
            "url": "https://cdn.imagegen.app/outputs/gen_abc123def456/image_1.png",
            "width": 1024,
            "height": 1024,
            "size_bytes": 2456789,
            "format": "png",
            "nsfw_score": 0.02,
            "aesthetic_score": 8.7,
        }
    ],
    "cost": {"credits": 4, "usd": 0.08},
    "metadata": METADATA,
}
IMAGE_REQUEST = {
    "init_image": "https://example.com/source-image.jpg",
    "prompt": "Transform into a cyberpunk style with neon lights and futuristic elements",
    "strength": 0.75,
    "model": "stable-diffusion-xl",
    "parameters": {
        "width": 1024,
        "height": 1024,
        "num_outputs": 2,
        "num_inference_steps": 50,
        "guidance_scale": 7.5,
    },
    "preserve": {"structure": True, "colors": False, "style": False},
}
IMAGE_ANSWER = {
    "id": "gen_xyz789",
    "status": "completed",
    "created_at": "2024-01-01T00:01:00Z",
    "completed_at": "2024-01-01T00:01:30Z",
    "source_image": {
        "url": "https://example.com/source-image.jpg",
        "analysis": {
            "dominant_colors": ["#FF5733", "#33FF57", "#3357FF"],
            "detected_objects": ["person", "building", "sky"],
            "style": "photograph",
        },
    },
    "images": [
        {
            "id": "img_003",
            "url": "https://cdn.imagegen.app/outputs/gen_xyz789/image_1.png",
            "width": 1024,
            "height": 1024,
            "transformations_applied": ["style_transfer", "color_adjustment"],
        }
    ],
}
INPAINT_REQUEST = {
    "init_image": "https://example.com/original.jpg",
    "mask_image": "https://example.com/mask.png",
    "prompt": "Replace with a beautiful flower garden",
    "model": "stable-diffusion-xl-inpaint",
    "parameters": {"num_inference_steps": 50, "guidance_scale": 7.5},
    "inpaint_mode": "original",
    "mask_blur": 4,
    "preserve_masked_area": False,
}
INPAINT_ANSWER = {
    "id": "inp_123456",
    "status": "completed",
    "images": [
        {
            "id": "img_004",
            "url": "https://cdn.imagegen.app/outputs/inp_123456/result.png",
            "mask_area_percentage": 23.5,
            "inpainted_regions": [{"x": 100, "y": 200, "width": 300, "height": 400}],
        }
    ],
}
UNMEASURED = {"nsfw_score", "aesthetic_score", "detected_objects", "style"}
"""What only a model that is not installed could tell."""


def check_form(documented: Any, answered: Any, *, key: str = "") -> None:
    """Documented keys come first and in their order, each with a value of the documented type."""
    if key in UNMEASURED:
        assert answered is None, key
    elif key == "metadata":
        assert isinstance(answered, dict)
    elif isinstance(documented, dict):
        assert list(answered)[: len(documented)] == list(documented), key
        for name, value in documented.items():
            check_form(value, answered[name], key=name)
    elif isinstance(documented, list):
        assert isinstance(answered, list), key
        for value in answered:
            check_form(documented[0], value, key=key)
    elif isinstance(documented, float):
        assert isinstance(answered, int | float), key
    else:
        assert type(answered) is type(documented), key


async def error_of(answer: Any) -> Any:
    """The error that an answer bears, held to the dialect's form."""
    body = await answer.json()
    assert list(body) == ["error"]
    error = body["error"]
    assert list(error) == ["type", "code", "message", "details", "request_id", "documentation_url"]
    assert error["request_id"] == answer.headers["X-Request-ID"]
    assert error["documentation_url"].endswith(f"/docs/errors/{error['code']}")
    return error


def scripted_end(edge: Any, keep: Any) -> None:
    """Have every purchase end with two pictures."""
    edge.generator.answer = edge.generator.drawing(keep(b"png"), keep(b"png"), charge_micros=80_000)
