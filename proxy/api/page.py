"""The web page's files under their own path: read once, sent with validators and a strict policy.

What the page does stands in proxy/ui; it talks to the proxy as any client does, so nothing here knows it.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from proxy.api.request_head import accepts_gzip
from proxy.errors import MlError, not_found
from proxy.resources import PACKAGE_DIR

FOLDER = PACKAGE_DIR / "ui"
# Addresses that the page makes for its views; it reads them itself.
VIEWS = frozenset({"", "jobs", "explorer", "metric", "rules"})
# What the page cannot know of itself; made of the configuration, so no file of the folder.
SETTINGS = "settings.json"
_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
# Nothing from elsewhere is loaded or asked, nobody frames the page, and no markup of a value can run.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Kept, but asked for each time: a new version is seen at once and an unchanged file costs an empty answer.
    "Cache-Control": "no-cache",
    "Vary": "Accept-Encoding",
}


@dataclass(frozen=True, slots=True)
class _File:
    content_type: str
    plain: bytes
    packed: bytes
    tag: str


class Page:
    """Answers under ``path`` (one segment, for instance ``/_ml_ui``); ``settings`` is what the page is told."""

    def __init__(self, path: str, settings: Mapping[str, str] | None = None, folder: Path = FOLDER) -> None:
        self.path = path
        self.targets = re.compile(rf"{re.escape(path)}(?=[/?]|$)")
        told = json.dumps(settings or {}).encode()
        self._files = _read_files(folder) | {SETTINGS: _file("application/json", told)}

    def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """
        Raises:
            MlError: 404 for what is no file of the page, 405 for other methods than GET and HEAD
        """
        if request.method not in ("GET", "HEAD"):
            reason = f"the page [{self.path}] only supports [GET, HEAD]"
            raise MlError("illegal_argument_exception", reason, 405, headers={"Allow": "GET, HEAD"})
        target, _, query = request.raw_path.partition("?")
        if target == self.path:
            # Relative, so that it also holds behind a server that puts the whole under a path of its own.
            location = self.path.removeprefix("/") + "/" + (f"?{query}" if query else "")
            return web.Response(status=308, headers={**_HEADERS, "Location": location})
        name = target.removeprefix(self.path + "/")
        file = self._files.get("index.html" if name in VIEWS else name)
        if file is None:
            raise not_found(f"no file [{name}] belongs to the page")
        return _response(request.headers, file)


def _response(asked: Mapping[str, str], file: _File) -> web.Response:
    is_packed = accepts_gzip(asked.get("Accept-Encoding", ""))
    # Two forms of one file are two things to a cache, and so have two tags.
    tag = f'"{file.tag}-gzip"' if is_packed else f'"{file.tag}"'
    headers = {**_HEADERS, "ETag": tag}
    if tag in re.findall(r'"[^"]*"', asked.get("If-None-Match", "")):
        return web.Response(status=304, headers=headers)
    headers["Content-Type"] = f"{file.content_type}; charset=utf-8"
    if is_packed:
        headers["Content-Encoding"] = "gzip"
    return web.Response(body=file.packed if is_packed else file.plain, headers=headers)


def _read_files(folder: Path) -> dict[str, _File]:
    """By path below the folder; raises FileNotFoundError if the page is not there."""
    files = {
        path.relative_to(folder).as_posix(): _read_file(path)
        for path in sorted(folder.rglob("*"))
        if path.suffix in _TYPES
    }
    if "index.html" not in files:
        raise FileNotFoundError(f"[{folder}] has no page, please reinstall lanewatch")
    return files


def _read_file(path: Path) -> _File:
    return _file(_TYPES[path.suffix], path.read_bytes())


def _file(content_type: str, plain: bytes) -> _File:
    tag = hashlib.sha256(plain).hexdigest()[:32]
    return _File(content_type, plain, gzip.compress(plain, mtime=0), tag)
