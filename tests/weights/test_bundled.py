"""The painters that travel with the package, as they are."""

import re
from pathlib import Path

import pytest
import torch

import impasto
from impasto.errors import InputError
from impasto.images.samples import synthetic_photo
from impasto.weights.registry import digest_of, known_weights
from impasto.weights.store import find_weights, load_weights

PHOTO = synthetic_photo((96, 120), seed=3)
STYLE = synthetic_photo((80, 100), seed=9)
PAINTERS = [n for n, e in known_weights().items() if e.kind == "painter" and not e.urls]
OF_ONE_STYLE = [n for n in PAINTERS if n.startswith("johnson-")]


def test_there_is_one_for_any_style_a_small_adain_and_four_of_one_style():
    assert {"swift", "adain-lite"} <= set(PAINTERS)
    assert len(OF_ONE_STYLE) >= 4


@pytest.mark.parametrize("name", PAINTERS)
def test_it_is_whole_small_and_has_a_card(name):
    path, entry = find_weights(name), known_weights()[name]
    assert (digest_of(path), path.stat().st_size) == (entry.sha256, entry.size)
    limit = 1_000_000 if name in OF_ONE_STYLE else 3_000_000
    assert entry.size < limit
    card = Path(__file__).parents[2] / "docs" / "cards" / f"{name.partition('-')[0]}.md"
    assert entry.card in " ".join(card.read_text().split())


@pytest.mark.parametrize("name", PAINTERS)
def test_it_paints(name):
    painter = impasto.load(name, device="cpu", precision="float32")
    style = None if name in OF_ONE_STYLE else STYLE
    painted = painter.stylize(PHOTO, style).pixels
    assert painted.shape == PHOTO.pixels.shape
    assert float((painted - PHOTO.pixels).abs().mean()) > 0.05
    assert float(painted.std()) > 0.05
    torch.testing.assert_close(painter.stylize(PHOTO, style, alpha=0.0).pixels, PHOTO.pixels)


@pytest.mark.parametrize("name", OF_ONE_STYLE)
def test_networks_of_one_style_name_it_and_refuse_another(name):
    _, metadata = load_weights(find_weights(name))
    painter = impasto.load(name, device="cpu", precision="float32")
    with pytest.raises(InputError, match=re.escape(metadata["style"])):
        painter.stylize(PHOTO, STYLE)
