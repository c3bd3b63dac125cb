"""What a GET or HEAD makes depend on an entity's tag, as RFC 9110 section 13 has it."""

import re

_TAG = re.compile(r'(W/)?("[^"]*")')


def verdict(if_match: str | None, if_none_match: str | None, etag: str) -> int:
    """Return 200 to go on, 304 where the client has it already, 412 where it asks for another; `etag` is strong, in quotes.

    The two headers are None where they were not sent. If-Match compares strongly and goes first; If-None-Match takes weak tags too.
    """
    if if_match is not None and if_match.strip() != "*" and (("", etag) not in _TAG.findall(if_match)):
        return 412
    if if_none_match is None:
        return 200
    known = {tag for _, tag in _TAG.findall(if_none_match)}
    return 304 if if_none_match.strip() == "*" or etag in known else 200
