"""What the streams and inputs of the Images API say about themselves, whatever dialect serves them."""

from gateway.about import Answer
from gateway.openai_images.requests import (
    EditRequest,
    GenerationRequest,
    ImageReference,
    VariationRequest,
)
from gateway.wire import EVENT_STREAM
from gesso.errors.v1 import reason_pb2 as pb

STREAM = Answer(
    200,
    "With `stream`: server-sent events, `….partial_image` for each unfinished picture and `….completed` for each finished one; a "
    "stream that fails after its first event ends with an `error` event, and nothing is charged.",
    content_type=EVENT_STREAM,
)
INPUT_REASONS = (pb.REASON_INPUT_UNREACHABLE, pb.REASON_INPUT_NOT_AN_IMAGE)
"""By which a picture as input fails."""
STREAMED = GenerationRequest(prompt="A lighthouse in a storm", stream=True, partial_images=2)
_PICTURE = ImageReference(image_url="https://example.com/source-image.png")
EDIT = EditRequest(
    prompt="Add a watercolor effect to this image", images=[_PICTURE], size="1024x1024", response_format="url"
)
EDIT_MASKED = EditRequest(
    prompt="Put a hat on the fox",
    images=[ImageReference(file_id="img_01jzx4t7qam5v8n3b6c9d0e1f3")],
    mask=ImageReference(file_id="img_01jzx4t7qam5v8n3b6c9d0e1f4"),
)
VARIATION = VariationRequest(image=_PICTURE, n=2, size="1024x1024")
