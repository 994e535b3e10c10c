"""How CycleGAN was trained by its authors and by those who built it again."""

from dataclasses import dataclass, field

from impasto.discriminators import DiscriminatorConfig
from impasto.methods.cyclegan.network import CycleGANConfig
from impasto.methods.cyclegan.objective import CycleGANObjective


@dataclass(frozen=True, kw_only=True)
class CycleGANPreset:
    """One way to train CycleGAN."""

    network: CycleGANConfig = field(default_factory=CycleGANConfig)
    discriminator: DiscriminatorConfig = field(
        default_factory=lambda: DiscriminatorConfig(norm="instance")
    )
    objective: CycleGANObjective = field(default_factory=CycleGANObjective)
    learning_rate: float = 2e-4
    """Of both Adams."""

    beta1: float = 0.5
    """Of both Adams; beta2 is 0.999."""

    hold: float = 0.5
    """Part of the run at the full rate; over the rest it falls to 0 in a line."""

    pool: int = 50
    """Made pictures that each discriminator may be shown again."""

    epochs: int = 200
    """Passes over the larger folder; the steps of a run are this many times its pictures over the
    batch."""

    batch: int = 1
    load: int = 286
    crop: int = 256
    source: str


PRESETS: dict[str, CycleGANPreset] = {
    "cyclegan-paper": CycleGANPreset(
        objective=CycleGANObjective(lambda_identity=0.0),
        source="Zhu et al. 2017, sections 4 and 5: identity only for paintings to photographs",
    ),
    "cyclegan-paper-128": CycleGANPreset(
        network=CycleGANConfig(blocks=6),
        objective=CycleGANObjective(lambda_identity=0.0),
        load=143,
        crop=128,
        source="Zhu et al. 2017, appendix 7.2; junyanz/CycleGAN, options.lua (143, 128)",
    ),
    "cyclegan-torch": CycleGANPreset(
        source="junyanz/pytorch-CycleGAN-and-pix2pix, models/cycle_gan_model.py and options"
    ),
    "ai-art": CycleGANPreset(
        source="Adi-iitd/AI-Art (source 4): the paper's with the identity term"
    ),
}
