"""The plain AdaIN step of the benchmark and ours compute the same; what the record says."""

import pytest
import torch

pytest.importorskip("lightning", reason="training needs the extra train")
import speed_training
import training_steps
from plain_adain_training import PlainAdaINTraining

from impasto.losses.known import KnownStyles
from impasto.methods.adain.objective import AdaINObjective, adain_losses

CASE = {"case": "ours", "batch": 2, "size": 32, "encoder": None}


@pytest.fixture(scope="module")
def ours():
    torch.manual_seed(0)
    return training_steps.our_adain(None, torch.device("cpu"))


def test_both_steps_have_equal_losses_and_gradients(ours):
    plain = PlainAdaINTraining(0.0)
    plain.take_weights_of(ours.network)
    content, style = training_steps.pictures(2, 32, torch.device("cpu"))
    wanted = plain.step(content / 255, style / 255)
    found = ours.losses({"content": content, "style": style, "key": torch.tensor([0, 1])})
    torch.stack(list(found.values())).sum().backward()
    assert {k: float(v.detach()) for k, v in found.items()} == pytest.approx(wanted, rel=1e-4)
    for own, peer in zip(ours.decoder.parameters(), plain.decoder.parameters(), strict=True):
        assert (own.grad - peer.grad).norm() < 1e-2 * peer.grad.norm()
    ours.zero_grad()


def test_styles_seen_before_are_not_looked_at_again_and_have_the_same_bits(ours, monkeypatch):
    content, style = (x / 255 for x in training_steps.pictures(3, 32, torch.device("cpu")))
    looked = []
    network = ours.network
    encode = network.encode
    monkeypatch.setattr(network, "encode", lambda x: looked.append(len(x)) or encode(x))

    def losses(known, which, keys):
        with torch.no_grad():
            return adain_losses(
                network, content[which], style[which], AdaINObjective(), known=known, keys=keys
            )[0]

    known = KnownStyles()
    losses(known, [0, 1], [7, 8])
    assert looked == [2, 1, 1, 2]  # the content, each style alone, the result
    looked.clear()
    warm = losses(known, [1, 2], [8, 9])
    assert looked == [2, 1, 2]
    cold = losses(KnownStyles(), [1, 2], [8, 9])
    fresh = losses(None, [1, 2], [-1, -1])
    for name, value in cold.items():
        assert torch.equal(warm[name], value)
        torch.testing.assert_close(fresh[name], value, rtol=1e-4, atol=1e-5)


def test_figures_compare_with_the_plain_step_and_the_hungriest():
    timing = {"fastest": 1, "slowest": 1}
    cases = [
        {"case": "plain", "seconds": 6.0, **timing}, {"case": "ours", "seconds": 3.0, **timing},
        {"case": "known", "seconds": 2.0, **timing}, {"case": "bfloat16", "note": "emulated"},
        {"case": "loader", "per_second": 40.0, "batch": 8},
    ]  # fmt: skip
    found = {name: figure["value"] for name, figure in speed_training.figures(cases).items()}
    assert found["speedup-ours"] == 2.0
    assert found["speedup-known"] == 3.0
    assert found["step-bfloat16"] is None
    assert found["loader-times"] == 5.0  # 40 of 16 in 2 seconds
    assert "speedup-cyclegan" not in found
    assert "pictures" not in speed_training.table(cases[:4])
