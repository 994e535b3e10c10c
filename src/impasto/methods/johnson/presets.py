"""How networks of one style were trained by their authors and by those who built them again."""

from dataclasses import dataclass, field

from impasto.methods.johnson.network import JohnsonConfig
from impasto.methods.johnson.objective import JohnsonObjective


@dataclass(frozen=True, kw_only=True)
class JohnsonPreset:
    """One way to train a network of one style."""

    network: JohnsonConfig = field(default_factory=JohnsonConfig)
    objective: JohnsonObjective
    judge: str
    learning_rate: float = 1e-3
    batch: int = 4
    crop: int = 256
    padding: int = 0
    """Pixels of reflection around each crop, taken off again before the losses."""

    steps: int
    source: str


PRESETS: dict[str, JohnsonPreset] = {
    "johnson-paper": JohnsonPreset(
        network=JohnsonConfig(norm="batch"),
        objective=JohnsonObjective(content_weight=1.0, style_weight=5.0, tv_weight=1e-6),
        judge="vgg16",
        steps=40_000,
        source="Johnson et al. 2016; weights of jcjohnson/fast-neural-style (Caffe's VGG-16)",
    ),
    "johnson-torch": JohnsonPreset(
        objective=JohnsonObjective(content_weight=1e5, style_weight=1e10, tv_weight=0.0),
        judge="vgg16",
        steps=2 * 82_783 // 4,
        source="pytorch/examples, fast_neural_style (torchvision VGG-16), two epochs of COCO 2014",
    ),
    "visual-neurons": JohnsonPreset(
        objective=JohnsonObjective(
            content_weight=1.5, style_weight=10.0, tv_weight=0.01, tv="l1", measured=True
        ),
        judge="vgg19",
        crop=300,
        padding=40,
        steps=400,
        source="visualneurons.com (source 3): VGG-19, measured ratios, 400 batches",
    ),
    "pytorch-book": JohnsonPreset(
        objective=JohnsonObjective(content_weight=1e5, style_weight=1e10, tv_weight=0.0),
        judge="vgg16",
        steps=2 * 82_783 // 8,
        batch=8,
        source="chenyuntc/pytorch-book, chapter 8 (source 5)",
    ),
}
