"""Where what a reply names is found: signed picture links that stay the same for half their lifetime, and paths of this edge."""

import time
from collections.abc import Callable

from gesso.generator.v1.generator_pb2 import Job, Picture
from servicekit.links import EXTENSIONS, Link, sign
from servicekit.temporary_links import temporary_path


def expiry(created_at: int, lifetime_seconds: int, now: float) -> int:
    """When a link ends, in Unix seconds: a lifetime after the job began, and later by half lifetimes when asked for again later.

    So every answer about a job within half a lifetime names the same link, and each link is valid for at least that long yet.
    """
    half = max(lifetime_seconds // 2, 1)
    return created_at + lifetime_seconds + max(int(now) - created_at, 0) // half * half


class Addresses:
    """The addresses of one dialect."""

    def __init__(
        self,
        *,
        public_url: str,
        files_url: str,
        link_key: bytes,
        link_seconds: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._public_url = public_url
        self._files_url = files_url
        self._link_key = link_key
        self._link_seconds = link_seconds
        self._clock = clock

    def picture(self, job: Job, picture: Picture) -> str:
        """A signed link to the picture on the gallery's own port."""
        expires_at = expiry(job.created_at.seconds, self._link_seconds, self._clock())
        link = Link(picture.image_id, picture.format, expires_at)
        return sign(link, base_url=self._files_url, key=self._link_key)

    def temporary(self, job: Job, picture: Picture, index: int) -> str:
        """A link whose path is the capability, to a picture that is deleted when its time is over."""
        at = job.finished_at if job.HasField("finished_at") else job.created_at
        at_ms = at.seconds * 1000 + at.nanos // 1_000_000
        return self._files_url + temporary_path(
            picture.image_id, index, EXTENSIONS[picture.format], at_ms, self._link_key
        )

    def edge(self, path: str) -> str:
        """The absolute address of a path of this edge."""
        return self._public_url + path
