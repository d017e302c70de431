"""Read pictures of any supported format, and explain why others are rejected."""

from mien.images.reading import Picture, read_image, read_picture
from mien.images.refusal import MAX_PIXELS
from mien.images.source import ImageSource, check_file, clean_name, name_source

__all__ = [
    "MAX_PIXELS",
    "ImageSource",
    "Picture",
    "check_file",
    "clean_name",
    "name_source",
    "read_image",
    "read_picture",
]
