"""A step of CycleGAN as its authors' PyTorch program takes it: the footing for our step's speed.

Written from the program's description: float32, contiguous memory, torch's own layers; every
picture goes through its network alone and anew, six passes through the generators, two through the
discriminators that are fooled and four through those that learn. The losses are the same as ours;
only how they are computed differs.
"""

import itertools
import random

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class _Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for last in (False, True):
            layers += [
                nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3),
                nn.InstanceNorm2d(channels),
            ]  # fmt: skip
            layers += [] if last else [nn.ReLU(True)]
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)  # type: ignore[no-any-return]


def _generator(width: int, blocks: int) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.ReflectionPad2d(3), nn.Conv2d(3, width, 7), nn.InstanceNorm2d(width), nn.ReLU(True)
    ]  # fmt: skip
    for channels in (width, 2 * width):
        layers += [
            nn.Conv2d(channels, 2 * channels, 3, 2, 1), nn.InstanceNorm2d(2 * channels),
            nn.ReLU(True),
        ]  # fmt: skip
    layers += [_Block(4 * width) for _ in range(blocks)]
    for channels in (4 * width, 2 * width):
        half = channels // 2
        layers += [
            nn.ConvTranspose2d(channels, half, 3, 2, 1, 1), nn.InstanceNorm2d(half), nn.ReLU(True)
        ]  # fmt: skip
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh())


def _discriminator(width: int, layers: int) -> nn.Sequential:
    parts: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2, True)]
    channels = width
    for number in range(1, layers + 1):
        wider, stride = width * min(2**number, 8), 2 if number < layers else 1
        parts += [
            nn.Conv2d(channels, wider, 4, stride, 1), nn.InstanceNorm2d(wider),
            nn.LeakyReLU(0.2, True),
        ]  # fmt: skip
        channels = wider
    return nn.Sequential(*parts, nn.Conv2d(channels, 1, 4, 1, 1))


class PlainCycleGAN:
    """Four networks, two optimisers, two pools, one step at a time.

    Args:
        width: Channels of the generators' first layer.
        blocks: Residual blocks.
        judge_width: Channels of the discriminators' first layer.
        judge_layers: How often they halve.
        learning_rate: Of both Adams.
    """

    def __init__(
        self,
        width: int = 64,
        blocks: int = 6,
        *,
        judge_width: int = 64,
        judge_layers: int = 3,
        learning_rate: float = 2e-4,
    ) -> None:
        self.generator_ab, self.generator_ba = (_generator(width, blocks) for _ in range(2))
        self.discriminator_a, self.discriminator_b = (
            _discriminator(judge_width, judge_layers) for _ in range(2)
        )
        self.optimizers = [
            torch.optim.Adam(
                itertools.chain(*(net.parameters() for net in nets)), learning_rate, (0.5, 0.999)
            )
            for nets in (
                (self.generator_ab, self.generator_ba),
                (self.discriminator_a, self.discriminator_b),
            )
        ]
        self.pools: dict[str, list[Tensor]] = {"a": [], "b": []}

    def networks(self) -> dict[str, nn.Sequential]:
        """By the names they have with us."""
        names = ("generator_ab", "generator_ba", "discriminator_a", "discriminator_b")
        return {name: getattr(self, name) for name in names}

    def take_weights_of(self, nets: nn.Module) -> None:
        """Begin where ours begins: parameters are in the same order in both."""
        for name, network in self.networks().items():
            given = nets.get_submodule(name).parameters()
            for mine, theirs in zip(network.parameters(), given, strict=True):
                mine.data.copy_(theirs.data)

    def step(self, real_a: Tensor, real_b: Tensor) -> dict[str, float]:
        """One update of everything; the terms by our names.

        Args:
            real_a, real_b: (B, 3, H, W) in [-1, 1].
        """
        fake_b = self.generator_ab(real_a)
        cycled_a = self.generator_ba(fake_b)
        fake_a = self.generator_ba(real_b)
        cycled_b = self.generator_ab(fake_a)
        self._let_judges_learn(False)
        self.optimizers[0].zero_grad()
        losses = {
            "identity_b": 5 * F.l1_loss(self.generator_ab(real_b), real_b),
            "identity_a": 5 * F.l1_loss(self.generator_ba(real_a), real_a),
            "gan_ab": _squares(self.discriminator_b(fake_b), 1.0),
            "gan_ba": _squares(self.discriminator_a(fake_a), 1.0),
            "cycle_a": 10 * F.l1_loss(cycled_a, real_a),
            "cycle_b": 10 * F.l1_loss(cycled_b, real_b),
        }
        sum(losses.values(), torch.zeros(())).backward()  # type: ignore[no-untyped-call]
        self.optimizers[0].step()
        self._let_judges_learn(True)
        self.optimizers[1].zero_grad()
        for side, judge, real, fake in (
            ("b", self.discriminator_b, real_b, fake_b),
            ("a", self.discriminator_a, real_a, fake_a),
        ):
            earlier = self._exchange(side, fake.detach())
            losses[f"d_{side}_real"] = 0.5 * _squares(judge(real), 1.0)
            losses[f"d_{side}_fake"] = 0.5 * _squares(judge(earlier), 0.0)
            (losses[f"d_{side}_real"] + losses[f"d_{side}_fake"]).backward()
        self.optimizers[1].step()
        return {name: float(value.detach()) for name, value in losses.items()}

    def _let_judges_learn(self, learn: bool) -> None:
        for judge in (self.discriminator_a, self.discriminator_b):
            judge.requires_grad_(learn)

    def _exchange(self, side: str, fakes: Tensor) -> Tensor:
        """The history pool of 50 pictures, asked with probability 0.5."""
        pool, given = self.pools[side], []
        for fake in fakes:
            if len(pool) < 50:
                pool.append(fake)
                given.append(fake)
            elif random.random() < 0.5:
                place = random.randrange(50)
                given.append(pool[place])
                pool[place] = fake
            else:
                given.append(fake)
        return torch.stack(given)


def _squares(scores: Tensor, target: float) -> Tensor:
    return F.mse_loss(scores, torch.full_like(scores, target))
