"""A plain TIFF is what others read it as."""

import io

import numpy as np
import pytest
from PIL import Image

from impasto.images.plain_tiff import plain_header


@pytest.mark.parametrize("bands", [3, 4])
@pytest.mark.parametrize("size", [(1, 1), (16, 5), (33, 7), (50, 40)])
def test_pillow_reads_the_pixels(size, bands):
    samples = np.random.default_rng(0).integers(0, 256, (*size, bands), dtype=np.uint8)
    data = plain_header(size, bands=bands, bits=8) + samples.tobytes()
    read = Image.open(io.BytesIO(data))
    assert read.mode == ("RGB" if bands == 3 else "RGBA")
    assert np.array_equal(np.asarray(read), samples)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("bands", [3, 4])
def test_libvips_reads_the_pixels_from_top_to_bottom(tmp_path, bands, bits):
    vips = pytest.importorskip("pyvips", reason="needs the extra giga", exc_type=ImportError)
    kind = np.uint8 if bits == 8 else np.uint16
    samples = np.random.default_rng(0).integers(0, 2**bits, (70, 41, bands), dtype=kind)
    path = tmp_path / "plain.tif"
    path.write_bytes(plain_header((70, 41), bands=bands, bits=bits) + samples.tobytes())
    image = vips.Image.tiffload(str(path), access="sequential")
    assert image.hasalpha() == (bands == 4)
    assert np.array_equal(image.numpy(), samples)
