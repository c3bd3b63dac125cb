"""A scripted ComfyUI: its queue, history, uploads and views, which takes workflows of the nodes below and runs them in no time.

There is no key; with a header `Authorization` it is as behind a proxy, which knows every bearer but `unknown`. As the real one, it
answers a workflow that it has run before, node for node, with no picture.
"""

import json
import secrets
from collections import Counter
from collections.abc import Mapping
from typing import Any

from testkit.upstreams.base import SUCCESS, Behaviour, Dropped, Exchange, Recorded, Reply
from testkit.upstreams.fields import FieldTable
from testkit.upstreams.forms import parse_form
from testkit.upstreams.queues import QueuedJob, QueueUpstream

CHECKPOINTS = ("sd_xl_base_1.0.safetensors", "dreamshaper_8.safetensors")
_SAMPLERS = "euler,euler_ancestral,heun,dpm_2,lms,dpmpp_2s_ancestral,dpmpp_sde,dpmpp_2m,ddpm,lcm,ddim,uni_pc,deis"
_LINK = "list"
# Inputs of each class of node; a list is a link to another node's output.
_NODES: Mapping[str, FieldTable] = {
    "KSampler": FieldTable(
        f"model*:{_LINK} positive*:{_LINK} negative*:{_LINK} latent_image*:{_LINK} seed*:int=0..18446744073709551615"
        f" steps*:int=1..10000 cfg*:num=0..100 sampler_name*:word={_SAMPLERS} denoise*:num=0..1"
        " scheduler*:word=normal,karras,exponential,sgm_uniform,simple,ddim_uniform,beta"
    ),
    "CheckpointLoaderSimple": FieldTable(f"ckpt_name*:word={','.join(CHECKPOINTS)}"),
    "UNETLoader": FieldTable("unet_name*:word=qwen_image_fp8_e4m3fn.safetensors weight_dtype*"),
    "CLIPLoader": FieldTable("clip_name*:word=qwen_2.5_vl_7b_fp8_scaled.safetensors type*:word=qwen_image device"),
    "VAELoader": FieldTable("vae_name*:word=qwen_image_vae.safetensors"),
    "LoraLoader": FieldTable(
        f"model*:{_LINK} clip*:{_LINK} lora_name*:word=fur.safetensors strength_model*:num strength_clip*:num"
    ),
    "ModelSamplingAuraFlow": FieldTable(f"model*:{_LINK} shift*:num"),
    "EmptyLatentImage": FieldTable("width*:int=16..16384 height*:int=16..16384 batch_size*:int=1..4096"),
    "EmptySD3LatentImage": FieldTable("width*:int=16..16384 height*:int=16..16384 batch_size*:int=1..4096"),
    "CLIPTextEncode": FieldTable(f"text:str clip*:{_LINK}"),
    "LoadImage": FieldTable("image*"),
    "LoadImageMask": FieldTable("image* channel*:word=alpha,red,green,blue"),
    "ImageScale": FieldTable(
        f"image*:{_LINK} upscale_method* width*:int=0..16384 height*:int=0..16384 crop*:word=disabled,center"
    ),
    "VAEEncode": FieldTable(f"pixels*:{_LINK} vae*:{_LINK}"),
    "SetLatentNoiseMask": FieldTable(f"samples*:{_LINK} mask*:{_LINK}"),
    "RepeatLatentBatch": FieldTable(f"samples*:{_LINK} amount*:int=1..64"),
    "VAEDecode": FieldTable(f"samples*:{_LINK} vae*:{_LINK}"),
    "SaveImage": FieldTable(f"filename_prefix* images*:{_LINK}"),
    "PreviewImage": FieldTable(f"images*:{_LINK}"),
}
_LOADED = {"LoadImage": "image", "LoadImageMask": "image"}
_SIZED = ("EmptyLatentImage", "EmptySD3LatentImage", "ImageScale")
_COUNTED = {"EmptyLatentImage": "batch_size", "EmptySD3LatentImage": "batch_size", "RepeatLatentBatch": "amount"}
_SAVING = ("SaveImage", "PreviewImage")
_LISTED = ("ckpt_name", "unet_name", "clip_name", "vae_name", "lora_name", "sampler_name", "scheduler")
_FAILING_VIEWS = {"download_error": 2, "download_drop": 1}
Nodes = Mapping[str, Mapping[str, Any]]


class ComfyUIUpstream(QueueUpstream):
    """The tool's server. ``uploads`` are the files that were sent, by the name that loads them."""

    def __init__(self, *, default: Behaviour = SUCCESS, payload_bytes: int = 0, delay_seconds: float = 0.0) -> None:
        super().__init__(default=default, payload_bytes=payload_bytes, delay_seconds=delay_seconds)
        self.uploads: dict[str, bytes] = {}
        self._made: dict[str, tuple[bytes, str]] = {}
        self._views: Counter[str] = Counter()
        self._run_before: set[str] = set()

    @property
    def base_path(self) -> str:
        """None."""
        return ""

    def places_order(self, method: str, path: str) -> bool:
        """What queues a workflow does."""
        return (method, path) == ("POST", "/prompt")

    def poll_limited(self) -> Reply:
        """A proxy's 429; the tool has none of its own."""
        return Reply(429, "text/plain", [b"slow down"], {"Retry-After": "0.3"})

    async def answer(self, exchange: Exchange) -> Reply:
        """Answer by the path."""
        recorded = exchange.recorded
        if exchange.behaviour.name == "unauthorized" or recorded.headers.get("Authorization") == "Bearer unknown":
            return Reply(401, "text/plain", [b"401 Unauthorized"])
        if self.places_order(recorded.method, recorded.path):
            return await self._queued(exchange)
        kind, _, rest = recorded.path.strip("/").partition("/")
        if kind == "history":
            return self._history(rest)
        if kind == "queue":
            return self._queue()
        if kind == "upload":
            return self._uploaded(recorded)
        return self._viewed(recorded.query) if kind == "view" else Reply(404, "text/plain", [b"404: Not Found"])

    async def _queued(self, exchange: Exchange) -> Reply:
        behaviour = exchange.behaviour
        if behaviour.name == "server_error":
            return Reply(behaviour.status, "text/plain", [b"500 Internal Server Error"])
        graph = json.loads(exchange.recorded.body)["prompt"]
        if behaviour.name == "bad_field":
            return _refused("3", "KSampler", "value_bigger_than_max", "steps")
        if behaviour.name == "model_not_found":
            return _refused("4", "CheckpointLoaderSimple", "value_not_in_list", "ckpt_name")
        if refused := self._broken(graph):
            self.violations.append(b"".join(refused.body).decode())
            return refused
        job = await self.enqueue(exchange, "prompt", graph)
        if behaviour.name == "garbage":
            return Reply(content_type="text/html", body=[b"<!DOCTYPE html><html>502 Bad Gateway</html>"])
        return _json(200, {"prompt_id": job.id, "number": len(self.jobs), "node_errors": {}})

    def _broken(self, graph: Nodes) -> Reply | None:
        for node_id, node in graph.items():
            kind, inputs = node["class_type"], node["inputs"]
            if kind not in _NODES:
                return _json(400, {"error": {"type": "invalid_prompt", "message": f"{kind} is not installed"}})
            broken = _NODES[kind].broken(inputs)
            if broken:
                how = "value_not_in_list" if broken.name in _LISTED else "value_bigger_than_max"
                return _refused(node_id, kind, how, broken.name)
            if any(isinstance(value, list) and value[0] not in graph for value in inputs.values()):
                return _refused(node_id, kind, "bad_linked_input", "model")
            if kind in _LOADED and inputs[_LOADED[kind]] not in self.uploads:
                return _refused(node_id, kind, "custom_validation_failed", "image")
        if any(node["class_type"] in _SAVING for node in graph.values()):
            return None
        return _json(400, {"error": {"type": "prompt_no_outputs", "message": "Prompt has no outputs"}})

    def _history(self, prompt_id: str) -> Reply:
        job = self.found(prompt_id)
        if job is None:
            return _json(200, {})
        if failing := self.polled(job):
            return failing
        return _json(200, {prompt_id: self._ended(job)} if self.is_ready(job) else {})

    def _queue(self) -> Reply:
        waiting = [job for job in self.jobs.values() if self.found(job.id) and not self.is_ready(job)]
        listed = [[number, job.id, job.fields, {"client_id": "x"}, ["9"]] for number, job in enumerate(waiting)]
        return _json(200, {"queue_running": listed[:1], "queue_pending": listed[1:]})

    def _ended(self, job: QueuedJob) -> Mapping[str, object]:
        if job.behaviour.name == "failed":
            told = {"node_id": "3", "node_type": "KSampler", "exception_type": "torch.OutOfMemoryError"}
            messages = [["execution_start", {}], ["execution_error", {**told, "exception_message": "out of memory"}]]
            status = {"status_str": "error", "completed": False, "messages": messages}
            return {"prompt": [0, job.id, job.fields, {}, ["9"]], "outputs": {}, "status": status, "meta": {}}
        if not job.pictures:
            job.pictures += self._drawn(job)
        graph: Any = job.fields
        saving = next(node_id for node_id, node in graph.items() if node["class_type"] in _SAVING)
        kind = "output" if graph[saving]["class_type"] == "SaveImage" else "temp"
        images = [{"filename": name, "subfolder": "gesso", "type": kind} for name in job.pictures]
        status = {"status_str": "success", "completed": True, "messages": []}
        outputs = {saving: {"images": images}} if images else {}
        return {"prompt": [0, job.id, job.fields, {}, [saving]], "outputs": outputs, "status": status, "meta": {}}

    def _drawn(self, job: QueuedJob) -> list[str]:
        graph: Any = job.fields
        whole = json.dumps(graph, sort_keys=True)
        if job.behaviour.name == "empty" or whole in self._run_before:
            return []
        self._run_before.add(whole)
        kinds = {node["class_type"]: node["inputs"] for node in graph.values()}
        sized = next(kinds[kind] for kind in _SIZED if kind in kinds)
        count = next((kinds[kind][name] for kind, name in _COUNTED.items() if kind in kinds), 1)
        count += {"partial": -1, "duplicate": 1}.get(job.behaviour.name, 0)
        names = [f"{secrets.token_hex(4)}_{index:05}_.png" for index in range(count)]
        for name in names:
            picture = self.picture(job.behaviour, "png", sized["width"], sized["height"])
            self._made[name] = picture, job.behaviour.name
        return names

    def _uploaded(self, recorded: Recorded) -> Reply:
        parts = {part.name: part for part in parse_form(recorded.headers["Content-Type"], recorded.body)}
        subfolder = parts["subfolder"].data.decode() if "subfolder" in parts else ""
        name = parts["image"].filename or "image.png"
        self.uploads[f"{subfolder}/{name}" if subfolder else name] = parts["image"].data
        return _json(200, {"name": name, "subfolder": subfolder, "type": "input"})

    def _viewed(self, query: Mapping[str, str]) -> Reply:
        name = query.get("filename", "")
        if name not in self._made or query.get("subfolder") != "gesso":
            return Reply(404, "text/plain", [b""])
        picture, behaviour = self._made[name]
        self._views[name] += 1
        if self._views[name] <= _FAILING_VIEWS.get(behaviour, 0):
            if behaviour == "download_drop":
                raise Dropped
            return Reply(503, "text/plain", [b"busy"])
        return Reply(200, "image/png", [picture])


def _refused(node_id: str, kind: str, how: str, name: str) -> Reply:
    error = {"type": how, "message": how, "details": name, "extra_info": {"input_name": name}}
    whole = {"type": "prompt_outputs_failed_validation", "message": "Prompt outputs failed validation", "details": ""}
    node = {"errors": [error], "dependent_outputs": ["9"], "class_type": kind}
    return _json(400, {"error": {**whole, "extra_info": {}}, "node_errors": {node_id: node}})


def _json(status: int, body: Mapping[str, object]) -> Reply:
    return Reply(status, body=[json.dumps(body).encode()])
