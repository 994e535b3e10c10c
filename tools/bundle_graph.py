"""Put the graph of the bundled swift beside its weights, for painting without torch.

    python tools/bundle_graph.py

Needs the extra export. Run it after tools/bundle_weights.py has bundled new weights of swift.
"""

import impasto
from impasto.export.quick import quick_graph
from impasto.weights.files import read_tensors
from impasto.weights.registry import digest_of, register_graph
from impasto.weights.store import find_weights


def main() -> None:
    """Trace it and write its digest into the registry."""
    weights = find_weights("swift", fetch=False)
    painter = impasto.load(weights, device="cpu", precision="float32").painter
    graph = quick_graph(painter, read_tensors(weights), digest_of(weights))
    path = register_graph("swift", graph)
    print(path, len(graph))


if __name__ == "__main__":
    main()
