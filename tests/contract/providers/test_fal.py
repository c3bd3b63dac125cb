"""The fal provider before a scripted queue: what each model is asked for, and what its results mean."""

from generator.providers.fal import PROVIDER
from testkit.upstreams.fal import FalUpstream

from .conformance import AddressConformance, QueueConformance, Vendor


class TestConformance(QueueConformance, AddressConformance):
    vendor = Vendor(
        factory=PROVIDER,
        upstream=FalUpstream,
        variables=("FAL_KEY", "FAL_BASE_URL"),
        upstream_model="fal-ai/flux/dev",
        key="platform:secret-0123456789",
        own_key="own:secret-0123456789",
        ignored={"negative_prompt": "blur", "style": "vivid", "quality": "high"},
    )
