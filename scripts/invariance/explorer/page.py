"""One HTML file that needs nothing else, and that may load nothing else."""

import base64
import hashlib
import html
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rcssmin import cssmin
from rjsmin import jsmin

from invariance.explorer.sources import joined, read
from invariance.record.artefacts import InputError

MOST_BYTES = 20_000_000


def page(sources: Path, content: Mapping[str, Any], weights: Mapping[str, str]) -> str:
    """The whole page, its script and style without comments and spaces.

    Args:
        sources: the folder explorer/.
        content: what `invariance.explorer.content` found.
        weights: base64, by the id of their element.

    Raises:
        InputError: a source is missing, or the page would be larger than MOST_BYTES.
    """
    script, style = jsmin(joined(sources / "main.js")), cssmin(read(sources / "style.css").decode())
    loops = base64.b64encode(read(sources / "engine/loops.wasm")).decode()
    blocks = [data_block("data", "application/json", json_for_html(content))]
    blocks += [data_block(name, "application/octet-stream", text) for name, text in {"loops": loops, **weights}.items()]
    text = read(sources / "page.html").decode()
    text = text.replace("<!-- noun -->", html.escape(content["noun"]))
    for name, value in {
        "policy": html.escape(policy(script, style)),
        "title": html.escape(content["name"]),
        "style": f"<style>{style}</style>",
        "data": "\n".join(blocks),
        "script": f'<script type="module">{script}</script>',
    }.items():
        text = text.replace(f"<!-- {name} -->", value, 1)
    if len(text.encode()) > MOST_BYTES:
        largest = max(weights.values(), key=len, default="")
        raise InputError(
            f"the page would be {len(text.encode()) / 1e6:.1f} MB, and {MOST_BYTES / 1e6:.0f} MB is the most that "
            f"opens quickly; the largest weights take {len(largest) / 1e6:.1f} MB of it: train smaller networks, or "
            "take some out of NETWORKS in scripts/invariance/plan/explored.py"
        )
    return text


def policy(script: str, style: str) -> str:
    """The content security policy: this script and this style, images that they draw, and no network."""
    allowed = {"script-src": f"{hash_of(script)} 'wasm-unsafe-eval'", "style-src": hash_of(style)}
    rules = {"default-src": "'none'", **allowed, "base-uri": "'none'", "form-action": "'none'"}
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def hash_of(text: str) -> str:
    """A source of a content security policy: the text itself."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def json_for_html(value: Any) -> str:
    """JSON that is safe inside a script element: `<`, `>` and `&` are escaped."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def data_block(name: str, kind: str, text: str) -> str:
    """An element that holds data and does nothing."""
    return f'<script type="{kind}" id="{name}">{text}</script>'
