"""The published tables of Inception-v3 and GoogLeNet: which convolution stands where.

    Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016.
    https://arxiv.org/abs/1512.00567 (Inception-v3, figures 5 to 7 and table 1)
    Szegedy et al., "Going Deeper with Convolutions", CVPR 2015.
    https://arxiv.org/abs/1409.4842 (GoogLeNet, table 1)

A network is a row of blocks; a block is one or several branches whose answers are joined along
the channels; a branch is convolutions and pools in order. Names of blocks and convolutions
are torchvision's, in lower case, and with the stem's shortened (``Conv2d_1a_3x3`` is ``conv_1a``).

Departure: the third branch of GoogLeNet's blocks has 3x3 convolutions where the paper has 5x5;
so have the official weights.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from impasto.errors import InputError


@dataclass(frozen=True)
class Conv:
    """A convolution followed by batch norm and ReLU."""

    name: str
    """Inside its block; empty where the block is this convolution."""

    width: int
    """Channels that come out."""

    kernel: tuple[int, int] = (1, 1)
    """(height, width)."""

    stride: int = 1

    padded: bool = True
    """Whether zeros at the border keep the size (at stride 1)."""

    @property
    def padding(self) -> tuple[int, int]:
        """Zeros above and below, left and right."""
        return (self.kernel[0] // 2, self.kernel[1] // 2) if self.padded else (0, 0)

    def side(self, length: int) -> int:
        """Height that comes out of ``length`` rows."""
        return (length + 2 * self.padding[0] - self.kernel[0]) // self.stride + 1


@dataclass(frozen=True)
class Pool:
    """A pool without parameters."""

    kind: Literal["max", "avg"]
    kernel: int = 3
    stride: int = 2
    padding: int = 0
    ceil: bool = False
    """Whether a last window may reach over the border."""

    def side(self, length: int) -> int:
        """Height that comes out of ``length`` rows."""
        span = length + 2 * self.padding - self.kernel
        sides = (-(-span // self.stride) if self.ceil else span // self.stride) + 1
        beyond = self.ceil and (sides - 1) * self.stride >= length + self.padding
        return sides - 1 if beyond else sides


@dataclass(frozen=True)
class Fork:
    """The end of a branch that is two branches itself (``mixed_7b``, ``mixed_7c``)."""

    branches: tuple["Branch", ...]


Branch = tuple[Conv | Pool | Fork, ...]


@dataclass(frozen=True)
class InceptionPlan:
    """A whole network."""

    blocks: dict[str, tuple[Branch, ...]]
    """Branches by name of the block, in forward order."""

    official: dict[str, str] = field(default_factory=dict)
    """torchvision's name of a block, where it is not ours."""

    def convolutions(self) -> Iterator[tuple[str, Conv]]:
        """All convolutions in forward order: ("mixed_5b.branch1x1", its row)."""
        for block, branches in self.blocks.items():
            for conv in _convs(branches):
                yield f"{block}.{conv.name}" if conv.name else block, conv

    def least_side(self, last: str) -> int:
        """The least height and width that leaves ``last`` something to see, in pixels."""
        end = list(self.blocks).index(last.partition(".")[0]) + 1
        branches = [list(b) for b in list(self.blocks.values())[:end]]
        for side in range(1, 1000):
            if _survives(side, branches):
                return side
        raise InputError("a plan must not shrink a picture more than a thousandfold.")


def _convs(branches: tuple[Branch, ...]) -> Iterator[Conv]:
    for branch in branches:
        for part in branch:
            if isinstance(part, Conv):
                yield part
            elif isinstance(part, Fork):
                yield from _convs(part.branches)


def _survives(side: int, blocks: list[list[Branch]]) -> bool:
    for branches in blocks:
        # All branches of a block end at one size; the first that shrinks decides.
        ends = []
        for branch in branches:
            length = side
            for part in branch:
                if not isinstance(part, Fork):
                    length = part.side(length)
                if length < 1:
                    return False
            ends.append(length)
        side = ends[0]
    return True


def _block_a(pooled: int) -> tuple[Branch, ...]:
    return (
        (Conv("branch1x1", 64),),
        (Conv("branch5x5_1", 48), Conv("branch5x5_2", 64, (5, 5))),
        (
            Conv("branch3x3dbl_1", 64),
            Conv("branch3x3dbl_2", 96, (3, 3)),
            Conv("branch3x3dbl_3", 96, (3, 3)),
        ),
        (Pool("avg", 3, 1, 1), Conv("branch_pool", pooled)),
    )


def _block_b() -> tuple[Branch, ...]:
    return (
        (Conv("branch3x3", 384, (3, 3), 2, padded=False),),
        (
            Conv("branch3x3dbl_1", 64),
            Conv("branch3x3dbl_2", 96, (3, 3)),
            Conv("branch3x3dbl_3", 96, (3, 3), 2, padded=False),
        ),
        (Pool("max"),),
    )


def _block_c(narrow: int) -> tuple[Branch, ...]:
    return (
        (Conv("branch1x1", 192),),
        (
            Conv("branch7x7_1", narrow),
            Conv("branch7x7_2", narrow, (1, 7)),
            Conv("branch7x7_3", 192, (7, 1)),
        ),
        (
            Conv("branch7x7dbl_1", narrow),
            Conv("branch7x7dbl_2", narrow, (7, 1)),
            Conv("branch7x7dbl_3", narrow, (1, 7)),
            Conv("branch7x7dbl_4", narrow, (7, 1)),
            Conv("branch7x7dbl_5", 192, (1, 7)),
        ),
        (Pool("avg", 3, 1, 1), Conv("branch_pool", 192)),
    )


def _block_d() -> tuple[Branch, ...]:
    return (
        (Conv("branch3x3_1", 192), Conv("branch3x3_2", 320, (3, 3), 2, padded=False)),
        (
            Conv("branch7x7x3_1", 192),
            Conv("branch7x7x3_2", 192, (1, 7)),
            Conv("branch7x7x3_3", 192, (7, 1)),
            Conv("branch7x7x3_4", 192, (3, 3), 2, padded=False),
        ),
        (Pool("max"),),
    )


def _block_e() -> tuple[Branch, ...]:
    def fork(stem: str) -> Fork:
        return Fork(((Conv(f"{stem}a", 384, (1, 3)),), (Conv(f"{stem}b", 384, (3, 1)),)))

    return (
        (Conv("branch1x1", 320),),
        (Conv("branch3x3_1", 384), fork("branch3x3_2")),
        (
            Conv("branch3x3dbl_1", 448),
            Conv("branch3x3dbl_2", 384, (3, 3)),
            fork("branch3x3dbl_3"),
        ),
        (Pool("avg", 3, 1, 1), Conv("branch_pool", 192)),
    )


def _block_g(one: int, three: tuple[int, int], five: tuple[int, int], pooled: int) -> tuple[
    Branch, ...
]:  # fmt: skip
    return (
        (Conv("branch1", one),),
        (Conv("branch2.0", three[0]), Conv("branch2.1", three[1], (3, 3))),
        (Conv("branch3.0", five[0]), Conv("branch3.1", five[1], (3, 3))),
        (Pool("max", 3, 1, 1, ceil=True), Conv("branch4.1", pooled)),
    )


def _one(part: Conv | Pool) -> tuple[Branch, ...]:
    return ((part,),)


_INCEPTION_V3 = InceptionPlan(
    blocks={
        "conv_1a": _one(Conv("", 32, (3, 3), 2, padded=False)),
        "conv_2a": _one(Conv("", 32, (3, 3), padded=False)),
        "conv_2b": _one(Conv("", 64, (3, 3))),
        "pool_1": _one(Pool("max")),
        "conv_3b": _one(Conv("", 80)),
        "conv_4a": _one(Conv("", 192, (3, 3), padded=False)),
        "pool_2": _one(Pool("max")),
        "mixed_5b": _block_a(32),
        "mixed_5c": _block_a(64),
        "mixed_5d": _block_a(64),
        "mixed_6a": _block_b(),
        "mixed_6b": _block_c(128),
        "mixed_6c": _block_c(160),
        "mixed_6d": _block_c(160),
        "mixed_6e": _block_c(192),
        "mixed_7a": _block_d(),
        "mixed_7b": _block_e(),
        "mixed_7c": _block_e(),
    },
    official={
        "conv_1a": "Conv2d_1a_3x3",
        "conv_2a": "Conv2d_2a_3x3",
        "conv_2b": "Conv2d_2b_3x3",
        "conv_3b": "Conv2d_3b_1x1",
        "conv_4a": "Conv2d_4a_3x3",
    }
    | {
        f"mixed_{name}": f"Mixed_{name}"
        for name in ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c")
    },
)

_GOOGLENET = InceptionPlan(
    blocks={
        "conv1": _one(Conv("", 64, (7, 7), 2)),
        "maxpool1": _one(Pool("max", ceil=True)),
        "conv2": _one(Conv("", 64)),
        "conv3": _one(Conv("", 192, (3, 3))),
        "maxpool2": _one(Pool("max", ceil=True)),
        "inception3a": _block_g(64, (96, 128), (16, 32), 32),
        "inception3b": _block_g(128, (128, 192), (32, 96), 64),
        "maxpool3": _one(Pool("max", ceil=True)),
        "inception4a": _block_g(192, (96, 208), (16, 48), 64),
        "inception4b": _block_g(160, (112, 224), (24, 64), 64),
        "inception4c": _block_g(128, (128, 256), (24, 64), 64),
        "inception4d": _block_g(112, (144, 288), (32, 64), 64),
        "inception4e": _block_g(256, (160, 320), (32, 128), 128),
        "maxpool4": _one(Pool("max", 2, ceil=True)),
        "inception5a": _block_g(256, (160, 320), (32, 128), 128),
        "inception5b": _block_g(384, (192, 384), (48, 128), 128),
    }
)

PLANS: dict[str, InceptionPlan] = {"inception-v3": _INCEPTION_V3, "googlenet": _GOOGLENET}
