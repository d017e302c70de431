"""Create small JPEGs of faces and photos for a page."""

import io
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mien.draw import color_of
from mien.faces.face import Box
from mien.results import ImageResult

FACE_PX: Final = 120
PHOTO_PX: Final = 176
_MARGIN: Final = 0.3  # around the face, as a fraction of its longer side
_QUALITY: Final = 62


def cut_face(image: NDArray[np.uint8], box: Box) -> bytes:
    """Crop a square around a face.

    Args:
        image: (H, W, 3) uint8 RGB.
        box: The face, in pixels of the image; it may extend beyond the edge.

    Returns:
        A JPEG of `FACE_PX` pixels per side; areas outside the image are black.
    """
    half = max(1.0, box.longer_side * (0.5 + _MARGIN))
    x, y = box.center
    place = (round(x - half), round(y - half), round(x + half), round(y + half))
    height, width = image.shape[:2]
    # Pass only the required region to Pillow: frames are large and numerous.
    left, top = min(max(place[0], 0), width - 1), min(max(place[1], 0), height - 1)
    part = image[top : max(top + 1, place[3]), left : max(left + 1, place[2])]
    square = Image.fromarray(np.ascontiguousarray(part)).crop(
        (place[0] - left, place[1] - top, place[2] - left, place[3] - top)
    )
    return _encode(square.resize((FACE_PX, FACE_PX), Image.Resampling.BILINEAR, reducing_gap=2.0))


def shrink_photo(image: NDArray[np.uint8], result: ImageResult) -> bytes:
    """Return a thumbnail of a photo with a frame around each face.

    Args:
        image: (H, W, 3) uint8 RGB.
        result: Its result, in pixels of the source.

    Returns:
        A JPEG whose longer side is at most `PHOTO_PX` pixels.
    """
    photo = Image.fromarray(np.ascontiguousarray(image))
    scale = min(1.0, PHOTO_PX / max(photo.size))
    size = (max(1, round(photo.width * scale)), max(1, round(photo.height * scale)))
    small = photo.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    pen = ImageDraw.Draw(small)
    scale *= image.shape[1] / result.width  # a large photo may have been decoded at a smaller size
    for face in result.faces:
        box = face.box
        corners = [
            (box.x * scale, box.y * scale),
            (box.right * scale, box.bottom * scale),
        ]
        if corners[1][0] - corners[0][0] >= 4 and corners[1][1] - corners[0][1] >= 4:
            pen.rectangle(corners, outline="#101218", width=4)
            pen.rectangle(corners, outline=color_of(face), width=2)
    return _encode(small)


def _encode(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=_QUALITY, optimize=True)
    return buffer.getvalue()
