"""Walk from one style to another in five steps.

python examples/mix_styles.py photo.jpg monet.jpg klee.jpg steps
"""

import sys
from pathlib import Path

import impasto

photo, first, second, folder = sys.argv[1:5]
Path(folder).mkdir(parents=True, exist_ok=True)

painter = impasto.load("swift")
styles = [painter.encode_style(first), painter.encode_style(second)]  # looked at once, used often
for step in range(5):
    share = step / 4
    painted = painter.stylize(photo, styles, style_weights=[1 - share, share])
    painted.save(Path(folder, f"{step}.png"))
    print(f"{folder}/{step}.png  {1 - share:.0%} and {share:.0%}")
