"""Style statistics of pictures that come again and again while a painter learns."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from impasto.losses.style import LayerStatistics

ROWS = 1024
"""Pictures whose statistics lie in one block of memory."""

Look = Callable[[Tensor], LayerStatistics]
"""What a frozen network says of pictures (B, 3, H, W)."""


class KnownStyles:
    """Remembers what a frozen network said of style crops.

    In few large blocks: thousands of small tensors, made while a step's large ones are in use,
    lie scattered over the heap and keep its gaps open, half a megabyte for each (measured).

    Args:
        most: Crops that are remembered, the first ones; each takes about 8 kB.
    """

    def __init__(self, most: int = 32_768) -> None:
        self.most = most
        self._rows: dict[int, int] = {}
        self._blocks: list[Tensor] = []
        self._channels: dict[str, int] = {}

    @torch.no_grad()
    def statistics(
        self, look: Look, style: Tensor, keys: Sequence[int] | None = None
    ) -> LayerStatistics:
        """What ``look`` says of each picture; those with a key seen before are not looked at.

        Args:
            look: The same at every call.
            style: (B, 3, H, W) in [0, 1].
            keys: One number per picture that names it and its crop; below 0, and None, for those
                that do not come again.
        """
        if keys is None or min(keys) < 0:
            return look(style)
        each = [self._of_one(look, style[i : i + 1], key) for i, key in enumerate(keys)]
        return {
            name: (
                torch.cat([one[name][0] for one in each]),
                torch.cat([one[name][1] for one in each]),
            )
            for name in each[0]
        }

    def _of_one(self, look: Look, style: Tensor, key: int) -> LayerStatistics:
        row = self._rows.get(key)
        if row is not None:
            return self._read(row)
        # Alone, so that a resumed run, which remembers nothing, finds the same bits.
        found = look(style)
        if len(self._rows) < self.most:
            self._rows[key] = self._keep(found)
        return found

    def _keep(self, found: LayerStatistics) -> int:
        self._channels = {name: mean.shape[1] for name, (mean, _) in found.items()}
        flat = torch.cat([value.flatten() for pair in found.values() for value in pair])
        row = len(self._rows)
        if row % ROWS == 0:
            self._blocks.append(flat.new_empty((min(ROWS, self.most - row), len(flat))))
        self._blocks[-1][row % ROWS] = flat
        return row

    def _read(self, row: int) -> LayerStatistics:
        flat = self._blocks[row // ROWS][row % ROWS].view(1, -1, 1, 1)
        sizes = [size for size in self._channels.values() for _ in range(2)]
        parts = iter(torch.split(flat, sizes, dim=1))
        return {name: (next(parts), next(parts)) for name in self._channels}
