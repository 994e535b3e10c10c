"""One file per method; each reads like its paper, none imports a sibling."""
