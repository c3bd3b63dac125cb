"""A file link is an address of one image that expires: signed by HMAC, so that no server keeps a list of links.

Source: contract.md "Images answered by URL": signed, expiring links on the gallery's own port.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

_MAC_BYTES = 18  # 144 bits: 24 characters of base64url without padding
EXTENSIONS = {"png": "png", "jpeg": "jpg", "webp": "webp", "avif": "avif", "gif": "gif"}
_FORMATS = {extension: name for name, extension in EXTENSIONS.items()}


@dataclass(frozen=True, slots=True)
class Link:
    """What a link grants: one image in one rendition ("original" or a rendition's name) until a Unix second."""

    image_id: str
    format: str
    expires_at: int
    rendition: str = "original"


def sign(link: Link, *, base_url: str, key: bytes) -> str:
    """Return the address: `{base}/i/{image}.{ext}?e={expiry}&s={signature}`, with `&r={rendition}` where it is not the original."""
    rendition = "" if link.rendition == "original" else f"&r={link.rendition}"
    path = f"/i/{link.image_id}.{EXTENSIONS[link.format]}"
    return f"{base_url}{path}?e={link.expires_at}{rendition}&s={_signature(link, key)}"


def verify(path_and_query: str, *, key: bytes, now_seconds: float) -> Link | None:
    """Return what a genuine, unexpired link grants, else None. `path_and_query` is the request's target as sent."""
    parts = urlsplit(path_and_query)
    name, _, extension = parts.path.removeprefix("/i/").partition(".")
    query = {field: values[0] for field, values in parse_qs(parts.query).items()}
    if extension not in _FORMATS or not query.get("e", "").isdecimal() or len(query["e"]) > 12:
        return None
    link = Link(name, _FORMATS[extension], int(query["e"]), query.get("r", "original"))
    genuine = hmac.compare_digest(_signature(link, key).encode(), query.get("s", "").encode())
    return link if genuine and link.expires_at > now_seconds else None


def _signature(link: Link, key: bytes) -> str:
    text = f"{link.image_id}\n{link.format}\n{link.expires_at}\n{link.rendition}".encode()
    return base64.urlsafe_b64encode(hmac.digest(key, text, hashlib.sha256)[:_MAC_BYTES]).decode()
