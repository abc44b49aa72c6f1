"""Keeps what takes long to make by the hash of what it was made from, so that a second build does not make it."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def kept(cache: Path, suffix: str, made_from: list[Any], make: Callable[[], bytes]) -> bytes:
    """What `make` gives, made once for everything in `made_from`, which JSON can write."""
    path = cache / f"{fingerprint(suffix, *made_from)}.{suffix}"
    seal, _, content = path.read_bytes().partition(b"\n") if path.is_file() else (b"", b"", b"")
    if seal != _seal(content):  # a damaged file would be published for ever
        content = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_bytes(_seal(content) + b"\n" + content)
        partial.replace(path)
    return content


def fingerprint(*parts: Any) -> str:
    """A short hash of things that JSON can write."""
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _seal(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()
