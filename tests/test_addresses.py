"""Addresses are shown without what opens them."""

import pytest

from mien.addresses import hide_secrets
from mien.images import name_source


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://a:b@c/d", "rtsp://c/d"),
        ("rtsp://a:p@ss@c/d", "rtsp://c/d"),
        ("RTSP://a@c/d@e", "RTSP://c/d@e"),
        ("http://c/d?api_key=1", "http://c/d?api_key=***"),
        ("http://c/d?x=1&password=p#f", "http://c/d?x=1&password=***#f"),
        (
            "https://c/d?X-Amz-Signature=ab&X-Amz-Date=2",
            "https://c/d?X-Amz-Signature=***&X-Amz-Date=2",
        ),
        ("https://c/d?sv=1&sig=ab", "https://c/d?sv=1&sig=***"),
        ("https://c/d?design=ab", "https://c/d?design=ab"),
        ("clip.mp4", "clip.mp4"),
    ],
)
def test_addresses_lose_their_secrets(address, shown):
    assert hide_secrets(address) == shown
    assert hide_secrets(f"{address} cannot be opened") == f"{shown} cannot be opened"
    assert name_source(address) == shown
