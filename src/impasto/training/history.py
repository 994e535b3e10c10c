"""Made pictures of earlier steps, by which discriminators are kept from forgetting them.

Shrivastava et al., "Learning from Simulated and Unsupervised Images through Adversarial
Training", CVPR 2017, section 2.3; taken over by CycleGAN (Zhu et al. 2017, section 4).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from impasto.checks import check_range


class HistoryPool:
    """Gives back the picture it is given, or an earlier one in exchange for it.

    Which is decided by the seed and the number of pictures seen so far alone, so that its state
    is that number and the pictures.

    Args:
        size: Pictures that are kept; 0 gives every picture back.
        probability: Of an exchange, once the pool is full.
        seed: Another sequence.
        shard: Which of several processes that train together.
    """

    def __init__(
        self, size: int = 50, *, probability: float = 0.5, seed: int = 0, shard: int = 0
    ) -> None:
        check_range("pool", size, at_least=0)
        check_range("probability", probability, at_least=0.0, at_most=1.0)
        self.size, self.probability, self.seed, self.shard = size, probability, seed, shard
        self.seen = 0
        self._held: list[Tensor] = []

    def __len__(self) -> int:
        return len(self._held)

    def query(self, pictures: Tensor) -> Tensor:
        """A batch for the discriminator, in exchange for one of the generator.

        Args:
            pictures: (B, C, H, W), detached.

        Returns:
            (B, C, H, W), each either the given one or one that was given before.
        """
        if not self.size:
            return pictures
        given = [self._exchange(picture) for picture in pictures]
        return torch.stack(given).contiguous(memory_format=torch.channels_last)

    def _exchange(self, picture: Tensor) -> Tensor:
        self.seen += 1
        if len(self._held) < self.size:
            self._held.append(picture.clone())
            return picture
        random = np.random.default_rng((self.seed, 1 << 44, self.shard, self.seen))
        if random.random() >= self.probability:
            return picture
        place = int(random.integers(self.size))
        earlier, self._held[place] = self._held[place], picture.clone()
        return earlier

    def state_dict(self) -> dict[str, Any]:
        """All that ``load_state_dict`` needs: tensors and a number."""
        held = torch.stack(self._held) if self._held else torch.empty(0)
        return {"seen": self.seen, "held": held}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on as the pool that ``state`` is from, on the device of its pictures."""
        self.seen = int(state["seen"])
        self._held = [picture.clone() for picture in state["held"]][: self.size]
