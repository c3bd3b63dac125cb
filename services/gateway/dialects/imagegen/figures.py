"""Figures and times as this API writes them: credits whole where they are whole, US dollars as decimals, times in UTC. Pure.

Source: imagegen-v2.md, its examples; contract.md, "One wallet, five currencies".
"""

import time

from google.protobuf.timestamp_pb2 import Timestamp

CREDIT_MICROS = 20_000
"""Source: contract.md, "One wallet, five currencies": SDXL is 1 credit and 0.02 USD."""
_BYTES_PER_MB = 1_000_000


def number(value: float) -> int | float:
    """A JSON number: an integer where it is whole, else at most 6 decimals."""
    rounded = round(value, 6)
    return int(rounded) if rounded.is_integer() else rounded


def in_credits(amount_micros: int) -> int | float:
    """An amount in credits, exact."""
    return number(amount_micros / CREDIT_MICROS)


def megabytes(byte_count: int) -> int | float:
    """Bytes as megabytes, to 2 decimals."""
    return number(round(byte_count / _BYTES_PER_MB, 2))


def moment(at: Timestamp) -> str:
    """As `2024-01-01T00:00:00Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at.seconds))
