"""Name the errors that a damaged archive raises."""

import lzma
import tarfile
import zipfile
import zlib
from typing import Final

ARCHIVE_DAMAGE: Final = (
    OSError,
    EOFError,
    RuntimeError,  # encrypted member; also covers NotImplementedError (unknown compression)
    ValueError,
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
)
"""What reading a zip, a tar or one of their members may raise."""
