"""One graph per method: named inputs, any height, width and batch, a picture out.

Reading order: ``styled.py`` (swift's and AdaIN's), NetworkGraph (Johnson's and translation), Baked
(a style inside), Halved (half precision inside).
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from impasto.export.parts import cells_of, part_of, reflected
from impasto.export.styled import StyledGraph
from impasto.methods.base import Statistics


class NetworkGraph(nn.Module):
    """A network of one manner: Johnson's, and translation.

    Args:
        network: From (B, 3, H, W) to the same size.
        cell: Pixels that sides must be multiples of.
        margin: Pixels of reflection around the picture, cut off again.
        least: Pixels that a side has at least, by reflection.
        mixes: Whether a share of the content can be asked for.
        enter: From pixels in [0, 1] to what the network wants.
        leave: From its answer to pixels.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        cell: int,
        margin: int = 0,
        least: int = 1,
        mixes: bool = False,
        enter: Callable[[Tensor], Tensor] = lambda pixels: pixels,
        leave: Callable[[Tensor], Tensor] = lambda answer: answer,
    ) -> None:
        super().__init__()
        self.network, self.cell, self.margin, self.least = network, cell, margin, least
        self.mixes, self.enter, self.leave = mixes, enter, leave

    def forward(self, content: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] to the same."""
        height, width = content.shape[-2:]
        m, cell = self.margin, self.cell
        rows, columns = (
            cells_of(n, cell, least=-(-self.least // cell)) * cell + 2 * m for n in (height, width)
        )
        here = content.to(next(self.network.parameters()).dtype)
        answer = self.leave(self.network(self.enter(reflected(here, m, rows, columns))).float())
        return part_of(answer, m, height, width).clamp(0, 1)


class OfPicture(nn.Module):
    """content, style picture, alpha."""

    names = ("content", "style", "alpha")

    def __init__(self, graph: StyledGraph) -> None:
        super().__init__()
        self.inner = graph

    def forward(self, content: Tensor, style: Tensor, alpha: Tensor) -> Tensor:
        """(B, 3, H, W), (B or 1, 3, h, w), (1,) to (B, 3, H, W), all in [0, 1]."""
        return styled(self.inner, content, self.inner.encode_style(style), alpha)


class OfStatistics(nn.Module):
    """content, the style's means and variances, alpha."""

    names = ("content", "style_mean", "style_variance", "alpha")

    def __init__(self, graph: StyledGraph) -> None:
        super().__init__()
        self.inner = graph

    def forward(
        self, content: Tensor, style_mean: Tensor, style_variance: Tensor, alpha: Tensor
    ) -> Tensor:
        """(B, 3, H, W), twice (B or 1, C), (1,) to (B, 3, H, W)."""
        lengths = list(self.inner.widths)
        means = torch.split_with_sizes(style_mean, lengths, 1)
        variances = torch.split_with_sizes(style_variance, lengths, 1)
        style = tuple(
            (mean[..., None, None], variance[..., None, None].sqrt())
            for mean, variance in zip(means, variances, strict=True)
        )
        return styled(self.inner, content, style, alpha)


class Baked(nn.Module):
    """content alone: the style is inside.

    Args:
        graph: Of the method.
        style: Statistics.
        alpha: How much of it.
    """

    names = ("content",)

    def __init__(self, graph: StyledGraph, style: Statistics, alpha: float = 1.0) -> None:
        super().__init__()
        self.inner = graph
        self.register_buffer("alpha", torch.tensor([alpha]))
        self.pairs = len(style)
        for index, (mean, deviation) in enumerate(style):
            self.register_buffer(f"mean{index}", mean.detach().clone())
            self.register_buffer(f"deviation{index}", deviation.detach().clone())

    def forward(self, content: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] to the same."""
        style = tuple(
            (getattr(self, f"mean{i}"), getattr(self, f"deviation{i}")) for i in range(self.pairs)
        )
        return styled(self.inner, content, style, self.alpha)  # type: ignore[arg-type]


class Mixed(nn.Module):
    """content and alpha, of a network that knows one manner."""

    names = ("content", "alpha")

    def __init__(self, graph: NetworkGraph) -> None:
        super().__init__()
        self.inner = graph

    def forward(self, content: Tensor, alpha: Tensor) -> Tensor:
        """(B, 3, H, W), (1,) to (B, 3, H, W): pixels are mixed, there being no other knob."""
        mixed: Tensor = content * (1 - alpha) + self.inner(content) * alpha
        return mixed


def styled(graph: StyledGraph, content: Tensor, style: Statistics, alpha: Tensor) -> Tensor:
    """A painting, with the share of the content that painters mix in below alpha 1."""
    alpha = alpha.view(1, 1, 1, 1)
    painted = graph.paint(content, style, alpha)
    share = (1 - alpha) ** 4
    return (content * share + painted * (1 - share)).clamp(0, 1)
