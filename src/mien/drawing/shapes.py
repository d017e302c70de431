"""Draw smooth shapes into a picture: rounded rectangles, contrasting letters, strips."""

from typing import Final

from PIL import Image, ImageColor, ImageDraw

from mien.drawing.fonts import Font
from mien.drawing.placement import Size

INK: Final = "#FFFFFF"
DARK_INK: Final = "#101218"
PAPER: Final = (16, 18, 24, 205)
_SMOOTH: Final = 4  # supersampling factor, for smooth edges


def add_strip(picture: Image.Image, size: Size, least_height: int = 0) -> Image.Image:
    """Add dark strips to the right of a picture and above it."""
    height = max(picture.height + size[1], least_height)
    larger = Image.new("RGB", (picture.width + size[0], height), PAPER[:3])
    larger.paste(picture, (0, size[1]))
    return larger


def rounded(size: tuple[int, int], radius: float, line: int | None = None) -> Image.Image:
    """Draw the mask of a rounded rectangle, filled or as an outline."""
    width, height = max(1, size[0]), max(1, size[1])
    mask = Image.new("L", (width * _SMOOTH, height * _SMOOTH))
    ImageDraw.Draw(mask).rounded_rectangle(
        (0, 0, mask.width - 1, mask.height - 1),
        radius=radius * _SMOOTH,
        fill=255 if line is None else 0,
        outline=255,
        width=(line or 1) * _SMOOTH,
    )
    return mask.reduce(_SMOOTH)


def paste(
    picture: Image.Image,
    mask: Image.Image,
    place: tuple[int, int],
    paint: str | tuple[int, int, int, int],
) -> None:
    """Paint through a mask; the fourth channel of a colour is its opacity."""
    red, green, blue, *cover = ImageColor.getrgb(paint) if isinstance(paint, str) else paint
    if cover:
        mask = mask.point([level * cover[0] // 255 for level in range(256)])
    picture.paste((red, green, blue), place, mask)


def em_px(font: Font) -> float:
    """Return a font's size in pixels."""
    return float(getattr(font, "size", 12))


def ink_on(color: str) -> str:
    """Return black or white, whichever has more contrast."""
    red, green, blue = ImageColor.getrgb(color)[:3]
    return DARK_INK if 0.299 * red + 0.587 * green + 0.114 * blue > 110 else INK
