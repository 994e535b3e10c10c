"""Choices that several rooms share and a command's help shows: it must not wait for torch."""

from typing import Literal

KeepColor = Literal["none", "luma", "coral", "histogram"]
"""See ``images/color.py``."""

TileStatistics = Literal["exact", "thumbnail"]
"""See ``features/norms.py``."""

Grain = Literal["none", "locked"]
"""See ``inference/steady.py``."""

Padding = Literal["zero", "reflect", "replicate", "circular"]
Pooling = Literal["max", "avg", "l2"]
"""See ``features/vgg.py``."""

StyleLoss = Literal["gram", "moments", "wasserstein", "histogram"]
GramNormalization = Literal["positions", "paper", "elements", "none"]
"""See ``losses/distances.py``."""

TotalVariation = Literal["l1", "l2", "nine-point"]
"""See ``losses/smoothness.py``."""

GANLoss = Literal["vanilla", "lsgan", "hinge", "wgan-gp"]
"""See ``losses/adversarial.py``."""

Norm = Literal["batch", "instance"]
"""See ``normalization`` in ``blocks.py``."""

Direction = Literal["a2b", "b2a"]
Noise = Literal["on", "off"]
"""See ``inference/translate.py``."""
