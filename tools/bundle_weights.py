"""Put trained weights into the package and their digest into the registry.

    python tools/bundle_weights.py swift runs/swift/swift.safetensors
    python tools/bundle_weights.py lite runs/lite/lite.safetensors
    python tools/bundle_weights.py johnson-starry-night runs/starry-night/johnson.safetensors

The card is the first paragraph of docs/cards/NAME.md, or of the section NAME of the page of its
method. After swift, run tools/bundle_styles.py.
"""

import argparse
from pathlib import Path

from impasto.weights.registry import register_bundled

CARDS = Path(__file__).parent.parent / "docs" / "cards"


def card_of(name: str) -> str:
    """What the card's page says first."""
    own = CARDS / f"{name}.md"
    if own.exists():
        text = own.read_text()
    else:
        text = (CARDS / f"{name.partition('-')[0]}.md").read_text()
        text = text[text.index(f"## {name}\n") :]
    return text.split("\n\n")[1].replace("\n", " ")


def main() -> None:
    """Copy one file and rewrite its entry."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("source", type=Path)
    args = parser.parse_args()
    perceptual = args.name == "lite"
    entry = register_bundled(
        args.name,
        args.source,
        card_of(args.name),
        kind="perceptual" if perceptual else "painter",
        layout="impasto" if perceptual else "",
    )
    print(entry.file, entry.size, entry.sha256)


if __name__ == "__main__":
    main()
