"""Paint one photograph in a bundled style: python examples/paint_one.py photo.jpg out.png"""

import sys

import impasto

source, target = sys.argv[1:3]
impasto.stylize(source, style="hokusai-great-wave").save(target)
print(f"painted {target}")
