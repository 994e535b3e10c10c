"""Put trained weights into the package and their digest into the registry.

    python tools/bundle_weights.py swift runs/swift/swift.safetensors
    python tools/bundle_weights.py lite runs/lite/lite.safetensors

The card is read from docs/cards/NAME.md. After swift, run tools/bundle_styles.py.
"""

import argparse
from pathlib import Path

from impasto.weights.registry import register_bundled

CARDS = Path(__file__).parent.parent / "docs" / "cards"
KINDS = {"swift": "painter", "lite": "perceptual"}


def main() -> None:
    """Copy one file and rewrite its entry."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=sorted(KINDS))
    parser.add_argument("source", type=Path)
    args = parser.parse_args()
    card = (CARDS / f"{args.name}.md").read_text().split("\n\n")[1].replace("\n", " ")
    entry = register_bundled(
        args.name,
        args.source,
        card,
        kind=KINDS[args.name],
        layout="impasto" if args.name == "lite" else "",
    )
    print(entry.file, entry.size, entry.sha256)


if __name__ == "__main__":
    main()
