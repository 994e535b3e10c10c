"""A colour profile that no converter may overlook."""

import struct

import pytest
from PIL import ImageCms


@pytest.fixture(scope="session")
def swapped_profile() -> bytes:
    """A matrix profile whose red and blue are sRGB's blue and red."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for index in range(struct.unpack_from(">I", data, 128)[0]):
        at = 132 + 12 * index
        name = bytes(data[at : at + 4])
        if name in (b"rXYZ", b"bXYZ"):
            data[at : at + 4] = {b"rXYZ": b"bXYZ", b"bXYZ": b"rXYZ"}[name]
    return bytes(data)
