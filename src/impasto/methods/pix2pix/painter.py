"""Translating with a U-Net, with the noise it learned with or without.

Isola et al. 2017, section 3.4: the generator is used as it was trained, with dropout, and with
batch norm by the statistics of the picture at hand. Networks trained with batches of one picture
have learned just that; by running averages, which ``.eval()`` silently takes, they paint grey.
"""

import torch
from torch import Tensor

from impasto.blocks import channels_last, from_signed, to_signed, use_picture_statistics
from impasto.checks import check_shape
from impasto.errors import InputError
from impasto.images.resize import crop_back, pad_to_multiple
from impasto.kinds import Direction
from impasto.methods.pix2pix.files import Learned


class Pix2PixPainter:
    """A trained generator on a device.

    Args:
        learned: With its weights.
        noise: Whether dropout is on, and batch norm by the picture's own statistics, as the paper
            has it; None takes what it learned with. Without noise nothing is random: dropout is
            off, and batch norm goes by the running averages where batches were larger than one;
            those of batches of one mean nothing, so the picture's own statistics stay.
        device: Where it translates.
        dtype: What it computes in.
        digest: Of the weights, see Painter.
    """

    def __init__(
        self,
        learned: Learned,
        *,
        noise: bool | None = None,
        device: torch.device | None = None,
        dtype: torch.dtype = torch.float32,
        digest: str = "",
    ) -> None:
        self.device, self.dtype, self.digest = device or torch.device("cpu"), dtype, digest
        self.directions: tuple[Direction, ...] = (learned.direction,)
        config = learned.network.config
        if noise and not (config.dropout or config.norm == "batch"):
            raise InputError(
                "this network has no noise (no dropout, instance norm); leave --noise out."
            )
        self.noise = bool(config.dropout or config.norm == "batch") if noise is None else noise
        self.cell = 2**config.depth
        self.note: str | None = None
        if config.norm == "batch" and (self.noise or learned.batch == 1):
            use_picture_statistics(learned.network)
            if not self.noise:
                self.note = (
                    "batch norm by the picture's own statistics: it learned from batches of one"
                )

        # Batch norms that are left go by their running averages; nothing else knows of this.
        self.network = channels_last(learned.network, self.device, dtype)
        self.network.requires_grad_(False).eval()

    @property
    def bytes_per_pixel(self) -> int:
        """Memory that a pixel of the padded picture takes at most: what is handed across."""
        return 12 * self.network.config.width * self.dtype.itemsize // 2

    @torch.inference_mode()
    def translate(
        self, content: Tensor, *, direction: Direction | None = None, seed: int = 0
    ) -> Tensor:
        """Translate a picture.

        Args:
            content: (1, 3, H, W) in [0, 1], any size.
            direction: The one it learned, or None.
            seed: Of the noise.

        Returns:
            (1, 3, H, W), float32, in [0, 1], on the painter's device.

        Raises:
            ShapeError: ``content`` is not (1, 3, H, W).
            InputError: The other direction.
        """
        check_shape(content, "1 3 H W", name="content")
        check_one_way(direction, self.directions)
        padded, box = pad_to_multiple(content.to(self.device, self.dtype), self.cell)
        noise = torch.Generator().manual_seed(seed) if self.noise else None
        signed = to_signed(padded).contiguous(memory_format=torch.channels_last)
        return from_signed(crop_back(self.network(signed, noise), box))


def check_one_way(direction: Direction | None, directions: tuple[Direction, ...]) -> None:
    """Refuse the direction that a network of one has not learned.

    Raises:
        InputError: The other one was asked for.
    """
    if direction is not None and direction not in directions:
        raise InputError(
            f"this network translates one way, {directions[0]}; got {direction}: leave the "
            "direction out, or train one with --data.direction the other way."
        )
