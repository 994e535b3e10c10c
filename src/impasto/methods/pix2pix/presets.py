"""How pix2pix was trained by its authors and by those who built it again."""

from dataclasses import dataclass, field

from impasto.discriminators import DiscriminatorConfig
from impasto.methods.pix2pix.network import Pix2PixConfig
from impasto.methods.pix2pix.objective import Pix2PixObjective


@dataclass(frozen=True, kw_only=True)
class Pix2PixPreset:
    """One way to train pix2pix."""

    network: Pix2PixConfig = field(default_factory=Pix2PixConfig)
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    objective: Pix2PixObjective = field(default_factory=Pix2PixObjective)
    learning_rate: float = 2e-4
    """Of both Adams."""

    beta1: float = 0.5
    """Of both Adams; beta2 is 0.999."""

    hold: float = 0.5
    """Part of the run at the full rate; over the rest it falls to 0 in a line."""

    epochs: int = 200
    """Passes over the pairs; the steps of a run are this many times the pairs over the batch."""

    batch: int = 1
    load: int = 286
    crop: int = 256
    source: str


PRESETS: dict[str, Pix2PixPreset] = {
    "pix2pix-paper": Pix2PixPreset(
        hold=1.0, source="Isola et al. 2017; phillipi/pix2pix, train.lua (the rate never falls)"
    ),
    "pix2pix-torch": Pix2PixPreset(
        source="junyanz/pytorch-CycleGAN-and-pix2pix, models/pix2pix_model.py and options"
    ),
    "ai-art": Pix2PixPreset(
        objective=Pix2PixObjective(gan="lsgan"),
        source="Adi-iitd/AI-Art (source 4): least squares instead of the cross entropy",
    ),
}
