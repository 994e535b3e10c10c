"""Networks with instance norms inside, painted window by window.

An instance norm looks at the whole picture. Here each is told what it would have found: the
statistics of the first are collected over all windows, then those of the second with the first
known, and so on (one pass per norm), or all at once from a small copy of the picture.

Reading order: OpenNorms (one network), NetworkWindows (what a painter without style statistics
hands to ``inference/tiled.py``).
"""

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from impasto.features.statistics import channel_statistics
from impasto.images.resize import Size, pad_to_multiple


class _UnknownError(Exception):
    """A norm was reached whose statistics are not known yet."""

    def __init__(self, norm: "_ToldNorm", features: Tensor) -> None:
        super().__init__("a norm without statistics")
        self.norm, self.features = norm, features


class _ToldNorm(nn.Module):
    """Stands for an InstanceNorm2d."""

    def __init__(self, norm: nn.InstanceNorm2d) -> None:
        super().__init__()
        self.norm = norm
        self.scale: Tensor | None = None
        self.shift: Tensor | None = None
        self.measuring = False

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        if self.measuring:
            mean, deviation = channel_statistics(x, self.norm.eps)
            self.tell(mean, deviation)
        if self.scale is None or self.shift is None:
            raise _UnknownError(self, x)
        return torch.addcmul(self.shift.to(x), x, self.scale.to(x))

    def tell(self, mean: Tensor, deviation: Tensor) -> None:
        """What it would have found, each (1, C, 1, 1)."""
        scale, shift = 1 / deviation, -mean / deviation
        if self.norm.weight is not None:
            weight = self.norm.weight.detach().float().view(1, -1, 1, 1).to(scale.device)
            bias = self.norm.bias.detach().float().view(1, -1, 1, 1).to(scale.device)
            scale, shift = scale * weight, shift * weight + bias
        self.scale, self.shift = scale, shift


class OpenNorms:
    """A network whose instance norms are told their statistics; the given one is not changed.

    Args:
        network: In eval mode; a batch norm or an instance norm with running statistics looks at
            nothing and stays as it is.
    """

    def __init__(self, network: nn.Module) -> None:
        # The weights are shared: only the modules around them are new.
        shared = {id(t): t for t in (*network.parameters(), *network.buffers())}
        self.network = copy.deepcopy(network, shared)
        self._norms: list[_ToldNorm] = []
        self._replace(self.network)
        self._next: _ToldNorm | None = None

    def _replace(self, module: nn.Module) -> None:
        for name, child in module.named_children():
            if isinstance(child, nn.InstanceNorm2d) and not child.track_running_stats:
                told = _ToldNorm(child)
                self._norms.append(told)
                setattr(module, name, told)
            else:
                self._replace(child)

    def look(self, window: Tensor) -> Tensor | None:
        """What the first norm that knows nothing sees of a window; None when all know."""
        if all(norm.scale is not None for norm in self._norms):
            return None
        try:
            self.network(window)
        except _UnknownError as stop:
            self._next = stop.norm
            return stop.features
        return None

    def learn(self, mean: Tensor, variance: Tensor) -> None:
        """Tell the norm that ``look`` came to what it would have found over the whole picture."""
        assert self._next is not None, "look comes before learn"
        self._next.tell(mean, (variance + self._next.norm.eps).sqrt())
        self._next = None

    def forget(self) -> None:
        """Know no statistics any more."""
        for norm in self._norms:
            norm.scale = norm.shift = None

    def learn_from(self, picture: Tensor) -> None:
        """Take all statistics from one picture, such as a small copy of the whole."""
        for norm in self._norms:
            norm.measuring = True
        try:
            self.network(picture)
        finally:
            for norm in self._norms:
                norm.measuring = False

    def __call__(self, window: Tensor) -> Tensor:
        """The network's answer; every norm must know its statistics."""
        answer: Tensor = self.network(window)
        return answer


THUMBNAIL = 1024
"""Long side in pixels of the small copy from which statistics are taken where that is allowed."""


class NetworkWindows:
    """A picture painted window by window by a network from pictures to pictures.

    A ``Painting`` (see ``methods/base.py``) for networks that know one manner: Johnson's, and
    translation.

    Args:
        network: From (1, 3, H, W) to the same size, of one device and type.
        cell: Pixels per position of its coarsest features.
        margin: Pixels of reflection around the picture.
        content_share: How much of the content is mixed in, from 0 to 1.
        enter: From pixels in [0, 1] to what the network wants.
        leave: From its answer to pixels, which are clamped to [0, 1].
    """

    counts_margin = True

    def __init__(
        self,
        network: nn.Module,
        *,
        cell: int,
        margin: int,
        content_share: float = 0.0,
        enter: Callable[[Tensor], Tensor] = lambda pixels: pixels,
        leave: Callable[[Tensor], Tensor] = lambda answer: answer,
    ) -> None:
        self.cell, self.margin, self.content_share = cell, margin, content_share
        self.enter, self.leave = enter, leave
        self.like = next(network.parameters())
        self.norms = OpenNorms(network)
        self.weights: Sequence[float] = (1.0,)
        self.grain = False

    def forget(self) -> None:
        """Know no statistics any more."""
        self.norms.forget()

    def look(self, window: Tensor) -> tuple[Tensor, ...]:
        """What the next norm sees; nothing when all know their statistics."""
        features = self.norms.look(self._here(window))
        return () if features is None else (features,)

    def learn(self, moments: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Mean and variance, each (1, C, 1, 1), of what ``look`` gave, over the picture."""
        mean, variance = moments[0]
        self.norms.learn(mean, variance)

    def learn_from_thumbnail(self, size: Size, shrink: Callable[[Size], Tensor]) -> None:
        """Take all statistics from a small copy of the picture.

        Args:
            size: (height, width) of the picture.
            shrink: Gives the picture at a smaller size, each pixel the mean of its part.
        """
        factor = min(1.0, THUMBNAIL / max(size))
        small = shrink((max(1, round(size[0] * factor)), max(1, round(size[1] * factor))))
        padded, _ = pad_to_multiple(small, self.cell, self.margin)
        self.norms.learn_from(self._here(padded))

    def paint(
        self,
        window: Tensor,
        *,
        origin: tuple[int, int],
        regions: Tensor | None = None,
        features: list[Tensor] | None = None,
    ) -> Tensor:
        """Colours (1, 3, h, w) in [0, 1], float32; of the rest nothing matters."""
        return self.leave(self.norms(self._here(window))).float().clamp_(0, 1)

    def _here(self, window: Tensor) -> Tensor:
        here = self.enter(window).to(self.like)
        return here.contiguous(memory_format=torch.channels_last)
