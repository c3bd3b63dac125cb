"""The vendors that are scripted here, with the variables by which the platform finds each of them, and a key that it takes."""

from collections.abc import Mapping
from typing import NamedTuple

from testkit.upstreams.a1111 import A1111Upstream
from testkit.upstreams.ark import ArkUpstream
from testkit.upstreams.base import ScriptedUpstream
from testkit.upstreams.bfl import BflUpstream
from testkit.upstreams.comfyui import ComfyUIUpstream
from testkit.upstreams.dashscope import DashScopeUpstream
from testkit.upstreams.fal import FalUpstream
from testkit.upstreams.google import GoogleUpstream
from testkit.upstreams.ideogram import IdeogramUpstream
from testkit.upstreams.magnific import MagnificUpstream
from testkit.upstreams.minimax import MiniMaxUpstream
from testkit.upstreams.openai import OpenAIUpstream
from testkit.upstreams.openrouter import OpenRouterUpstream
from testkit.upstreams.replicate import ReplicateUpstream
from testkit.upstreams.reve import ReveUpstream
from testkit.upstreams.stability import StabilityUpstream
from testkit.upstreams.together import TogetherUpstream


class Vendor(NamedTuple):
    """One vendor: ``address`` and ``key`` name its variables, ``value`` is a key that its scripted upstream takes.

    ``others`` are what else a platform has to be told.
    """

    upstream: type[ScriptedUpstream]
    address: str
    key: str
    value: str
    others: Mapping[str, str] = {}


VENDORS: Mapping[str, Vendor] = {
    "a1111": Vendor(A1111Upstream, "A1111_BASE_URL", "A1111_API_AUTH", "rehearsal:rehearsal"),
    "ark": Vendor(ArkUpstream, "ARK_BASE_URL", "ARK_API_KEY", "rehearsal"),
    "bfl": Vendor(BflUpstream, "BFL_BASE_URL", "BFL_API_KEY", "bfl_rehearsal"),
    "comfyui": Vendor(ComfyUIUpstream, "COMFYUI_BASE_URL", "COMFYUI_API_KEY", "rehearsal"),
    "dashscope": Vendor(DashScopeUpstream, "DASHSCOPE_BASE_URL", "DASHSCOPE_API_KEY", "sk-rehearsal"),
    "fal": Vendor(FalUpstream, "FAL_BASE_URL", "FAL_KEY", "rehearsal:rehearsal"),
    "google": Vendor(GoogleUpstream, "GEMINI_BASE_URL", "GEMINI_API_KEY", "AIza-rehearsal"),
    "ideogram": Vendor(IdeogramUpstream, "IDEOGRAM_BASE_URL", "IDEOGRAM_API_KEY", "ide_rehearsal"),
    "magnific": Vendor(
        MagnificUpstream,
        "MAGNIFIC_BASE_URL",
        "MAGNIFIC_API_KEY",
        "rehearsal",
        {"MAGNIFIC_WEBHOOK_SECRET": MagnificUpstream.webhook_secret},
    ),
    "minimax": Vendor(MiniMaxUpstream, "MINIMAX_BASE_URL", "MINIMAX_API_KEY", "mm-rehearsal"),
    "openai": Vendor(OpenAIUpstream, "OPENAI_BASE_URL", "OPENAI_API_KEY", "sk-rehearsal"),
    "openrouter": Vendor(OpenRouterUpstream, "OPENROUTER_BASE_URL", "OPENROUTER_API_KEY", "sk-or-rehearsal"),
    "replicate": Vendor(ReplicateUpstream, "REPLICATE_BASE_URL", "REPLICATE_API_TOKEN", "r8_rehearsal"),
    "reve": Vendor(ReveUpstream, "REVE_BASE_URL", "REVE_API_KEY", "papi.rehearsal"),
    "stability": Vendor(StabilityUpstream, "STABILITY_BASE_URL", "STABILITY_API_KEY", "sk-rehearsal"),
    "together": Vendor(TogetherUpstream, "TOGETHER_BASE_URL", "TOGETHER_API_KEY", "rehearsal"),
}
