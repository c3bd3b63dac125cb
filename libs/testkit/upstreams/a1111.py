"""A scripted A1111: its calls that draw, change, inpaint and enlarge, in the words of its API.

It has the checkpoints and samplers below; as the real one, it draws with the loaded checkpoint where it does not know one, and
says nothing. An extra picture (`duplicate`) is a grid before the others. An order without credentials is taken, as without
--api-auth.
"""

import json
from collections.abc import Mapping

import pybase64

from testkit.upstreams.base import Behaviour, Exchange, Reply, ScriptedUpstream
from testkit.upstreams.fields import Broken, FieldTable

CHECKPOINTS = ("sd_xl_base_1.0", "dreamshaper_8")
SAMPLERS = ("Euler", "Euler a", "DPM++ 2M", "DDIM", "UniPC", "PLMS", "LCM")
_PLACE = "/sdapi/v1/"
_DRAWING = (
    "prompt negative_prompt seed:int=-1..4294967295 steps:int=1..150 cfg_scale:num batch_size:int=1..8 width:int=64..4096"
    " height:int=64..4096 sampler_name scheduler restore_faces:bool tiling:bool send_images:bool save_images:bool"
    " override_settings:object distilled_cfg_scale:num"
)
_TABLES: Mapping[str, FieldTable] = {
    "txt2img": FieldTable(f"{_DRAWING} enable_hr:bool hr_scale:num hr_upscaler"),
    "img2img": FieldTable(
        f"{_DRAWING} init_images*:list denoising_strength:num=0..1 mask:base64 mask_blur:int inpainting_fill:int=0..3"
        " inpaint_full_res:bool inpainting_mask_invert:int=0..1 image_cfg_scale:num resize_mode:int=0..3"
    ),
    "extra-single-image": FieldTable(
        "image*:base64 resize_mode:int=0..1 upscaling_resize:num=1..8 upscaler_1 upscaler_2 gfpgan_visibility:num=0..1"
    ),
}


class A1111Upstream(ScriptedUpstream):
    """The server's ``/sdapi/v1``. Credentials are ``user:password`` of any user but ``unknown``."""

    @property
    def base_path(self) -> str:
        """None."""
        return ""

    async def answer(self, exchange: Exchange) -> Reply:
        """Answer in the server's order: credentials, path, validation, the queue, the drawing."""
        recorded, behaviour = exchange.recorded, exchange.behaviour
        if behaviour.name == "unauthorized" or not _is_let_in(recorded.headers.get("Authorization")):
            return _json(401, {"detail": "Incorrect username or password"})
        call = recorded.path.removeprefix(_PLACE)
        if call not in _TABLES:
            return _json(404, {"detail": "Not Found"})
        fields = json.loads(recorded.body)
        if refused := self._refused(call, fields, behaviour):
            return refused
        await exchange.accept()
        if behaviour.name == "garbage":
            return Reply(content_type="text/html", body=[b"<!DOCTYPE html><html>502 Bad Gateway</html>"])
        return _json(200, self._enlarged(fields) if call == "extra-single-image" else self._drawn(fields, behaviour))

    def _refused(self, call: str, fields: Mapping[str, object], behaviour: Behaviour) -> Reply | None:
        broken = _TABLES[call].broken(fields)
        if broken:
            self.violations.append(f"{call}: {broken}")
        if behaviour.name == "bad_field":
            broken = Broken("steps", "invalid")
        if broken:
            return _json(422, {"detail": [{"loc": ["body", broken.name], "msg": broken.how, "type": "value_error"}]})
        if fields.get("sampler_name", SAMPLERS[0]) not in SAMPLERS:
            return _exception(404, "HTTPException", "Sampler not found")
        if behaviour.name == "server_error":
            return _exception(behaviour.status, "OutOfMemoryError", "CUDA out of memory.")
        return None

    def _drawn(self, fields: Mapping[str, object], behaviour: Behaviour) -> Mapping[str, object]:
        count = int(str(fields.get("batch_size", 1)))
        width, height = (int(str(fields.get(side, 512))) for side in ("width", "height"))
        drawn = 0 if behaviour.name == "empty" else count - (behaviour.name == "partial")
        pictures = [self.picture(behaviour, "png", width, height) for _ in range(drawn)]
        has_grid = behaviour.name == "duplicate"
        if has_grid:
            pictures.insert(0, self.picture(behaviour, "png", width, height))
        texts = [pybase64.b64encode(picture).decode() for picture in pictures]
        if behaviour.name == "bad_base64":
            texts = ["%%% this is not base64 %%%"]
        seed = int(str(fields.get("seed", -1)))
        first = 3_141_592_653 if seed < 0 else seed
        settings = fields.get("override_settings", {})
        assert isinstance(settings, dict)
        info = {
            "seed": first,
            "all_seeds": [first + index for index in range(count)],
            "index_of_first_image": int(has_grid),
            "sd_model_name": _checkpoint(str(settings.get("sd_model_checkpoint", ""))),
            "infotexts": [f"{fields.get('prompt')}\nSteps: {fields.get('steps', 50)}"] * count,
        }
        told = {**fields, "init_images": None, "mask": None}
        return {"images": texts, "parameters": told, "info": json.dumps(info)}

    def _enlarged(self, fields: Mapping[str, object]) -> Mapping[str, object]:
        header = pybase64.b64decode(str(fields["image"])[:64])
        factor = float(str(fields.get("upscaling_resize", 2)))
        width, height = (round(int.from_bytes(header[start : start + 4]) * factor) for start in (16, 20))
        picture = self.picture(Behaviour(), "png", width, height)
        return {"html_info": "<p>Postprocess</p>", "image": pybase64.b64encode(picture).decode()}


def _is_let_in(header: str | None) -> bool:
    if header is None:
        return True
    scheme, _, text = header.partition(" ")
    user, colon, password = pybase64.b64decode(text).decode().partition(":")
    return scheme == "Basic" and bool(colon and password) and user != "unknown"


def _checkpoint(asked: str) -> str:
    return next((known for known in CHECKPOINTS if asked.startswith(known)), CHECKPOINTS[0])


def _exception(status: int, name: str, detail: str) -> Reply:
    return _json(status, {"error": name, "detail": detail, "body": "", "errors": detail})


def _json(status: int, body: Mapping[str, object]) -> Reply:
    return Reply(status, body=[json.dumps(body).encode()])
