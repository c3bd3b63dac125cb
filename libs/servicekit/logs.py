"""Logs are JSON lines on standard error: one per call, one per event, each redacted after it is rendered."""

import logging
import os
import sys
from collections.abc import Mapping
from typing import Any

import msgspec
import structlog

from servicekit.redaction import redact
from servicekit.settings import SettingError

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_LONGEST_TEXT = 8192
_encoder = msgspec.json.Encoder(enc_hook=str)


def configure(service: str, environment: Mapping[str, str] = os.environ) -> None:
    """Make structlog and the standard library's logging write JSON lines; ``GESSO_LOG_LEVEL`` (info) is the least level.

    Called once per process, before anything is logged. Raises SettingError for another level.
    """
    named = environment.get("GESSO_LOG_LEVEL") or "info"
    level = _LEVELS.get(named.lower(), 0)
    if not level:
        raise SettingError(f"GESSO_LOG_LEVEL: one of {', '.join(_LEVELS)}; not {named!r}")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _render(service),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_StandardError(),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_Forwarded()], level=max(level, logging.WARNING), force=True)


def _render(service: str) -> structlog.typing.Processor:
    def render(_logger: object, _method: str, fields: structlog.typing.EventDict) -> bytes:
        for name, value in fields.items():
            if type(value) is str and len(value) > _LONGEST_TEXT:
                fields[name] = value[:_LONGEST_TEXT] + "…"
        return redact(_encoder.encode({"service": service, **fields}))

    return render


class _StandardError:
    """Makes loggers that write to what is standard error at the time of the line, so a redirection is followed."""

    def __call__(self, *_: object) -> "_StandardError":
        return self

    def msg(self, line: bytes) -> None:
        sys.stderr.write(line.decode() + "\n")
        sys.stderr.flush()

    debug = info = warning = error = critical = exception = msg


class _Forwarded(logging.Handler):
    """Passes records of libraries that use the standard library's logging on to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = {"logger": record.name}
        if record.exc_info:
            fields["exc_info"] = record.exc_info
        level = next((name for name, least in reversed(_LEVELS.items()) if record.levelno >= least), "debug")
        structlog.get_logger().log(_LEVELS[level], record.getMessage(), **fields)
