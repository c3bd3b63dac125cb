"""Samplers have a name in each tool: what callers may ask for, in the words of A1111 and of ComfyUI.

A draw's options (the contract between dialects and generator) are `sampler` and `scheduler`; diffusers calls scheduler what the
tools call sampler, so either may name one, and the sampler's goes first. Sources: gateway/dialects/imagegen/words.py for the
names, upstreams/16-selfhosted.md and the tools' own lists for theirs.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from generator.providers.base import Order

OPTIONS = ("sampler", "scheduler")


@dataclass(frozen=True, slots=True)
class Sampler:
    """One sampler; a name is empty in a tool that has none of it. `schedule` is of the noise, both tools' word."""

    a1111: str
    comfyui: str
    schedule: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """What an order asks for, in a tool's words, empty for its own choice. `honoured` are the options that it follows from."""

    sampler: str
    schedule: str
    honoured: Collection[str]


_EULER, _EULER_A = Sampler("Euler", "euler"), Sampler("Euler a", "euler_ancestral")
_DPMPP_2M, _DPMPP_2M_KARRAS = Sampler("DPM++ 2M", "dpmpp_2m"), Sampler("DPM++ 2M", "dpmpp_2m", "karras")
_DPMPP_2S_A = Sampler("DPM++ 2S a", "dpmpp_2s_ancestral")
_DPM_2_A = Sampler("DPM2 a", "dpm_2_ancestral")
_HEUN, _LMS, _LCM = Sampler("Heun", "heun"), Sampler("LMS", "lms"), Sampler("LCM", "lcm")
_PLMS, _UNI_PC, _DDPM = Sampler("PLMS", ""), Sampler("UniPC", "uni_pc"), Sampler("", "ddpm")
_BY_NAME: Mapping[str, Sampler] = {
    "ddim": Sampler("DDIM", "ddim"),
    "ddpm": _DDPM,
    "deis": Sampler("", "deis"),
    "dpmsolvermultistep": _DPMPP_2M,
    "dpmsolversinglestep": _DPMPP_2S_A,
    "dpm++2m": _DPMPP_2M,
    "dpm++2mkarras": _DPMPP_2M_KARRAS,
    "euler": _EULER,
    "eulerancestral": _EULER_A,
    "heun": _HEUN,
    "heundiscrete": _HEUN,
    "karrasdpm": _DPMPP_2M_KARRAS,
    "kdpm2": Sampler("DPM2", "dpm_2"),
    "kdpm2a": _DPM_2_A,
    "kdpm2ancestral": _DPM_2_A,
    "kdpmadaptive": Sampler("DPM adaptive", "dpm_adaptive"),
    "kdpmfast": Sampler("DPM fast", "dpm_fast"),
    "kdpmpp2m": _DPMPP_2M,
    "kdpmpp2mkarras": _DPMPP_2M_KARRAS,
    "kdpmpp2sa": _DPMPP_2S_A,
    "kdpmpp2sancestral": _DPMPP_2S_A,
    "kdpmppsde": Sampler("DPM++ SDE", "dpmpp_sde"),
    "keuler": _EULER,
    "keulera": _EULER_A,
    "keulerancestral": _EULER_A,
    "kheun": _HEUN,
    "klms": _LMS,
    "lcm": _LCM,
    "lms": _LMS,
    "plms": _PLMS,
    "pndm": _PLMS,
    "unipc": _UNI_PC,
}
_SCHEDULES = frozenset({"normal", "karras", "exponential", "sgm_uniform", "simple", "beta"})


def chosen(order: Order, word_of: Callable[[Sampler], str]) -> Choice:
    """The sampler that an order asks for, by either option, and the schedule of the noise; `word_of` is the tool's own word."""
    found: Sampler | None = None
    schedule, honoured = "", []
    for option in OPTIONS:
        word = order.draw.options.get(option, "")
        named = _BY_NAME.get(_plain(word))
        if word.lower() in _SCHEDULES:
            schedule = word.lower()
        elif named is not None and word_of(named) and found in (None, named):
            found = named
        else:
            continue
        honoured.append(option)
    if found is None:
        return Choice("", schedule, honoured)
    return Choice(word_of(found), schedule or found.schedule, honoured)


def _plain(word: str) -> str:
    """Lower case, without what joins words: `K_EULER` and `k_euler`, `DPM++ 2M` and `DPM++2M` are the same."""
    return "".join(letter for letter in word.lower() if letter.isalnum() or letter == "+")
