"""The child that reads Content Credentials, whose parsers meet hostile bytes as a decoder's do; `Studio` runs it."""

from __future__ import annotations

from dataclasses import asdict

from pictures.manifests import read_manifest
from servicekit.frames import Message, serve


def answer(call: Message) -> Message:
    """The manifest of the first part, as the fields of `Manifest`; an empty answer where there is none."""
    manifest = read_manifest(call.parts[0], call.head["format"], anchors_pem=call.head["anchors_pem"])
    return Message(asdict(manifest) if manifest else {})


if __name__ == "__main__":
    serve(answer)
