"""Read pictures from a JSON body, as in DeepFace's API: base64 in `img`."""

import binascii
import json
import re
from dataclasses import dataclass
from typing import Any, Final

from mien.serving.problems import Problem

JSON_TYPE: Final = "application/json"
WITHOUT_EFFECT: Final = (
    "align",
    "detector_backend",
    "enforce_detection",
    "expand_percentage",
    "silent",
)
"""Members of DeepFace's requests that are accepted but ignored."""

_DATA_URL: Final = re.compile(r"data:[\w.+/-]*(;[\w=.-]+)*;base64,", re.IGNORECASE)
_HOW: Final = 'send {"img": "..."}, a picture as base64 or a data URL, or a list of them'


@dataclass(frozen=True)
class JsonBody:
    """Content of a JSON body.

    Attributes:
        pictures: Encoded pictures, in order.
        is_list: Whether `img` is a list; the response is then a list, too.
        settings: The other members, not yet checked.
    """

    pictures: list[bytearray]
    is_list: bool
    settings: dict[str, object]


def read_json_body(body: bytes | bytearray, *, most: int, max_images: int) -> JsonBody:
    """Parse a body.

    Args:
        body: The body, UTF-8.
        most: Maximum size of one picture, in bytes.
        max_images: Maximum number of pictures.

    Raises:
        Problem: The body is invalid or too large.
    """
    try:
        members: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Problem("malformed", f"the body is not valid JSON; {_HOW}") from error
    if not isinstance(members, dict) or "img" not in members:
        raise Problem("malformed", f"the JSON body has no member img; {_HOW}")

    given = members.pop("img")
    texts = given if isinstance(given, list) else [given]
    if not texts:
        raise Problem("unreadable", f"img is an empty list; {_HOW}")
    if len(texts) > max_images:
        raise Problem("too-large", f"img has more than {max_images} pictures; send fewer at a time")
    pictures = [_decode(text, most=most) for text in texts]

    _check_actions(members.pop("actions", "emotion"))
    for name in WITHOUT_EFFECT:
        members.pop(name, None)
    return JsonBody(pictures, isinstance(given, list), members)


def _decode(text: object, *, most: int) -> bytearray:
    """Decode one picture."""
    if not isinstance(text, str):
        raise Problem("malformed", f"img is {type(text).__name__}, expected text; {_HOW}")
    encoded = _DATA_URL.sub("", text, count=1) if text[:5].lower() == "data:" else text
    if len(encoded) * 3 // 4 > most + 3:
        raise Problem("too-large", f"a picture has more than {most:,} bytes; scale it down first")
    try:
        picture = bytearray(binascii.a2b_base64("".join(encoded.split()), strict_mode=True))
    except (binascii.Error, ValueError) as error:
        raise Problem(
            "unreadable", f"img is not valid base64; paths and URLs are not fetched; {_HOW}"
        ) from error
    if not picture:
        raise Problem("unreadable", f"img is empty; {_HOW}")
    return picture


def _check_actions(actions: object) -> None:
    """Reject DeepFace's other analyses: mien does not estimate age, gender or race."""
    wanted = actions if isinstance(actions, list) else [actions]
    if any(action != "emotion" for action in wanted):
        raise Problem(
            "bad-setting", 'actions may only be ["emotion"]: mien reads nothing else from a face'
        )
