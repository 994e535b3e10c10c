"""Translating with CycleGAN's generators, either way."""

from collections.abc import Callable

import torch
from torch import Tensor

from impasto.blocks import channels_last, from_signed, to_signed, use_picture_statistics
from impasto.checks import check_shape
from impasto.errors import InputError
from impasto.features.norms import NetworkWindows
from impasto.images.resize import Size, crop_back, pad_reflect
from impasto.kinds import Direction
from impasto.methods.cyclegan.files import Generators
from impasto.methods.cyclegan.network import ResNetGenerator

CELL = 4
"""Pixels per position of the residual blocks."""


class CycleGANPainter:
    """Trained generators on a device.

    Args:
        generators: One or two, by direction. Batch norms in them go by the picture at hand.
        noise: Must not be on: nothing in these networks is random.
        device: Where they translate.
        dtype: What they compute in.
        digest: Of the weights, see Painter.
    """

    noise = False
    note: str | None = None

    def __init__(
        self,
        generators: Generators,
        *,
        noise: bool | None = None,
        device: torch.device | None = None,
        dtype: torch.dtype = torch.float32,
        digest: str = "",
    ) -> None:
        if noise:
            raise InputError(
                "this network has no noise (no dropout, instance norm); leave --noise out."
            )
        self.device, self.dtype, self.digest = device or torch.device("cpu"), dtype, digest
        self.directions: tuple[Direction, ...] = tuple(generators)
        for network in generators.values():
            use_picture_statistics(network)  # which changes something with batch norm alone
        self.generators = {
            direction: channels_last(network, self.device, dtype).requires_grad_(False).eval()
            for direction, network in generators.items()
        }
        self.width = next(iter(generators.values())).config.width

    @property
    def bytes_per_pixel(self) -> int:
        """Memory that a pixel of the picture takes at most: four tensors of the first layer."""
        return 4 * self.width * self.dtype.itemsize

    @torch.inference_mode()
    def translate(
        self, content: Tensor, *, direction: Direction | None = None, seed: int = 0
    ) -> Tensor:
        """Translate a picture.

        Args:
            content: (1, 3, H, W) in [0, 1], any size.
            direction: None is a2b, or the one there is.
            seed: Not used: nothing is random here.

        Returns:
            (1, 3, H, W), float32, in [0, 1], on the painter's device.

        Raises:
            ShapeError: ``content`` is not (1, 3, H, W).
            InputError: A direction that the file does not hold.
        """
        check_shape(content, "1 3 H W", name="content")
        network = self._generator(direction)
        height, width = content.shape[-2:]
        # At a quarter of the size a reflection still needs two pixels.
        right, bottom = (max(-side % CELL, 2 * CELL - side) for side in (width, height))
        grown = pad_reflect(content.to(self.device, self.dtype), (0, right, 0, bottom))
        signed = to_signed(grown).contiguous(memory_format=torch.channels_last)
        return from_signed(crop_back(network(signed), (0, 0, height, width)))

    def begin(
        self,
        direction: Direction | None,
        *,
        size: Size,
        shrink: Callable[[Size], Tensor],
        exact: bool = True,
    ) -> NetworkWindows:
        """Begin a picture that is translated window by window; see ``Painting``.

        Args:
            direction: See ``translate``.
            size: (height, width) of the picture.
            shrink: Gives the picture at a smaller size, each pixel the mean of its part.
            exact: False takes all statistics from a small copy.
        """
        network = self._generator(direction)
        painting = NetworkWindows(network, cell=CELL, margin=0, enter=to_signed, leave=from_signed)
        if not exact:
            painting.learn_from_thumbnail(size, shrink)
        return painting

    def _generator(self, direction: Direction | None) -> ResNetGenerator:
        if direction is not None and direction not in self.directions:
            raise InputError(
                f"this file translates one way, {self.directions[0]}; got {direction}: leave the "
                "direction out, or give the file of the other way."
            )
        return self.generators[direction or self.directions[0]]
