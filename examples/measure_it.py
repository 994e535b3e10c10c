"""How much content was kept and how much style was taken, for three strengths.

python examples/measure_it.py photo.jpg painting.jpg
"""

import sys

import impasto
from impasto.features.perceptual import load_perceptual
from impasto.metrics import STYLE_LAYERS, transfer_figures

photo, painting = (impasto.read_picture(path) for path in sys.argv[1:3])
painter, judge = impasto.load("swift"), load_perceptual("lite", STYLE_LAYERS)
for alpha in (0.3, 0.6, 1.0):
    painted = painter.stylize(photo, painting, alpha=alpha)
    found = transfer_figures(judge, photo.pixels, painting.pixels, painted.pixels)
    print(f"alpha {alpha:.1f}  content {found.content:.3f}  style {found.style:.3f}")
