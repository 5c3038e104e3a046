"""Requests and when they arrive."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rnncc.errors import InputError


@dataclass(frozen=True)
class Request:
    """One sequence: when it arrives (seconds) and how many steps it has."""

    arrival: float
    length: int


def poisson(rate: float, count: int, longest: int, shortest: int, seed: int) -> list[Request]:
    """`count` requests with exponential gaps, `rate` a second on average, lengths evenly distributed.

    Raises:
        InputError: a rate that is not above zero, no requests, or lengths out of order.
    """
    if not (math.isfinite(rate) and rate > 0):
        raise InputError(f"rate {rate:g}: expected requests a second, above zero")
    if count < 1:
        raise InputError(f"{count} requests: expected at least 1")
    if not 1 <= shortest <= longest:
        raise InputError(f"lengths from {shortest} to {longest}: expected 1 <= shortest <= longest")
    random = np.random.default_rng(seed)
    times = np.cumsum(random.exponential(1 / rate, count))
    lengths = random.integers(shortest, longest + 1, count)
    return [Request(float(t), int(n)) for t, n in zip(times, lengths, strict=True)]


def read_trace(path: str | Path, longest: int) -> list[Request]:
    """Requests from lines ``arrival seconds,length``; a first line of words is a heading.

    Raises:
        InputError: names the line that is not a time of at least 0 and a length of 1 to `longest`, or that is
            earlier than the one before; an empty file.
        OSError: the file cannot be read.
    """
    requests: list[Request] = []
    with open(path, newline="", encoding="utf-8", errors="replace") as stream:
        for number, row in enumerate(csv.reader(stream), 1):
            if not row or (number == 1 and not _is_number(row[0])):
                continue
            requests.append(_parsed(row, f"{path}, line {number}", longest))
            if len(requests) > 1 and requests[-1].arrival < requests[-2].arrival:
                raise InputError(
                    f"{path}, line {number}: arrives before the line above", "sort it by time"
                )
    if not requests:
        raise InputError(f"{path}: holds no requests", "lines are: arrival seconds,length")
    return requests


def _parsed(row: list[str], where: str, longest: int) -> Request:
    try:
        arrival, length = row
        request = Request(float(arrival), int(length))
    except ValueError:
        text = ",".join(row)
        raise InputError(
            f"{where}: '{text}' is not a request", "lines are: arrival seconds,length"
        ) from None
    if not (math.isfinite(request.arrival) and request.arrival >= 0):
        raise InputError(f"{where}: arrival {arrival} is not a time of at least 0")
    if not 1 <= request.length <= longest:
        raise InputError(
            f"{where}: length {length} is outside 1..{longest}, what the model is compiled for",
            "raise --max-length, or shape the model for longer sequences",
        )
    return request


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
