"""A scripted MiniMax: one path, answers that are always a success, and codes within that say how it went."""

import json
import re
import secrets
from collections.abc import Mapping

import pybase64

from testkit.upstreams.base import Behaviour, Exchange, Reply, ScriptedUpstream
from testkit.upstreams.fields import FieldTable
from testkit.upstreams.shaping import shaped

_KEY = re.compile(r"Bearer mm-[\w-]+")
_FIELDS = FieldTable(
    "model*:word=image-01,image-01-live prompt*:like=[\\s\\S]{1,1500} "
    "aspect_ratio:word=1:1,16:9,4:3,3:2,2:3,3:4,9:16,21:9 width:int=512..2048/8 height:int=512..2048/8 n:int=1..9 seed:int "
    "response_format:word=url,base64 prompt_optimizer:bool aigc_watermark:bool subject_reference:list"
)
_SUBJECT = FieldTable("type*:word=character image_file*:url")
_CODES: Mapping[str, tuple[int, str]] = {
    "unauthorized": (2049, "invalid api key"),
    "out_of_quota": (1008, "insufficient balance"),
    "rate_limited": (1002, "rate limit exceeded"),
    "refusal": (1026, "input sensitive content detected"),
    "output_refusal": (1027, "output sensitive content detected"),
    "bad_field": (2013, "invalid params"),
    "server_error": (1013, "internal service error"),
}
_CHARGED = frozenset({"output_refusal"})


class MiniMaxUpstream(ScriptedUpstream):
    """The vendor's ``/v1/image_generation``. Keys begin with ``mm-``; what breaks the table is code 2013."""

    @property
    def base_path(self) -> str:
        """None: the paths begin with the version."""
        return ""

    async def answer(self, exchange: Exchange) -> Reply:
        """Answer in the vendor's order: path, key, limits, fields, content; then the order."""
        recorded, behaviour = exchange.recorded, exchange.behaviour
        if recorded.method != "POST" or recorded.path != "/v1/image_generation":
            return Reply(404, "text/plain", [b"404 page not found"])
        if not _KEY.fullmatch(recorded.headers.get("Authorization", "")):
            return _told("unauthorized")
        return _scripted(behaviour) or await self._ordered(exchange)

    async def _ordered(self, exchange: Exchange) -> Reply:
        fields, behaviour = self._read(exchange.recorded.body), exchange.behaviour
        if fields is None:
            return _told("bad_field")
        await exchange.accept()
        if behaviour.name == "garbage":
            return Reply(content_type="text/html", body=[b"<!DOCTYPE html><html>Just a moment...</html>"])
        return _told("output_refusal") if _is_withheld(behaviour) else self._drawn(fields, behaviour)

    def _read(self, body: bytes) -> Mapping[str, object] | None:
        fields = json.loads(body)
        broken = _FIELDS.broken(fields) or _broken_together(fields)
        if broken:
            self.violations.append(str(broken))
            return None
        return dict(fields)

    def _drawn(self, fields: Mapping[str, object], behaviour: Behaviour) -> Reply:
        asked = fields.get("n") or 1
        assert isinstance(asked, int)
        withheld = int(behaviour.seconds or 0) if behaviour.name == "output_refusal" else 0
        count = {"empty": 0, "partial": asked - 1}.get(behaviour.name, asked - withheld)
        pictures = [self.picture(behaviour, "jpeg", *_size(fields)) for _ in range(count)]
        if behaviour.name == "duplicate":
            pictures *= 2
        counts = {"success_count": str(len(pictures)), "failed_count": str(withheld)}
        done = {"metadata": counts, "base_resp": _status(0, "success")}
        return _json({"id": secrets.token_hex(16), "data": self._data(fields, behaviour, pictures), **done})

    def _data(
        self, fields: Mapping[str, object], behaviour: Behaviour, pictures: list[bytes]
    ) -> Mapping[str, list[str]]:
        if fields.get("response_format") != "base64":
            return {"image_urls": [self.results.offer(one, "image/jpeg", behaviour=behaviour.name) for one in pictures]}
        if behaviour.name == "bad_base64":
            return {"image_base64": ["%%% this is not base64 %%%"] * len(pictures)}
        return {"image_base64": [pybase64.b64encode(one).decode() for one in pictures]}


def _scripted(behaviour: Behaviour) -> Reply | None:
    """What an order meets that is not accepted; a server's error other than 500 is that of a gateway in front."""
    if behaviour.name == "server_error" and behaviour.status != 500:
        return Reply(behaviour.status, "text/html", [b"<html>upstream connect error</html>"])
    return _told(behaviour.name) if behaviour.name in _CODES and behaviour.name not in _CHARGED else None


def _is_withheld(behaviour: Behaviour) -> bool:
    """Whether all pictures are; else as many as the behaviour's number says."""
    return behaviour.name == "output_refusal" and behaviour.seconds is None


def _broken_together(fields: Mapping[str, object]) -> str | None:
    if ("width" in fields) != ("height" in fields):
        return "width without height"
    if fields["model"] == "image-01-live" and ("width" in fields or "subject_reference" not in fields):
        return "image-01-live draws a subject in a ratio"
    subjects = fields.get("subject_reference", [])
    assert isinstance(subjects, list)
    return next((f"subject_reference: {broken}" for one in subjects if (broken := _SUBJECT.broken(one))), None)


def _size(fields: Mapping[str, object]) -> tuple[int, int]:
    """The sides of the pictures: a ratio goes before sides."""
    width, height = fields.get("width"), fields.get("height")
    if "aspect_ratio" in fields or not isinstance(width, int) or not isinstance(height, int):
        return shaped(str(fields.get("aspect_ratio") or "1:1"), step=8)
    return width, height


def _told(name: str) -> Reply:
    return _json({"id": secrets.token_hex(16), "base_resp": _status(*_CODES[name])})


def _status(code: int, message: str) -> Mapping[str, object]:
    return {"status_code": code, "status_msg": message}


def _json(body: Mapping[str, object]) -> Reply:
    return Reply(body=[json.dumps(body).encode()])
