"""Data for Lightning: which folders, how cut, how many at once."""

from lightning.pytorch import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader

from impasto.errors import InputError
from impasto.training.data import ContentStyleStream, CropConfig, PictureFolder
from impasto.training.variety import Variety


class ContentStyleData(LightningDataModule):
    """Content photographs and style paintings from two folders.

    Args:
        content: Folder of photographs.
        style: Folder of paintings.
        content_crop: How photographs are cut.
        style_crop: How paintings are cut.
        variety: How often, and in which ways, paintings are changed after that.
        photos: Part of the styles that are photographs of the content folder, changed alike.
        batch: Pairs per step.
        variants: Distinct crops per painting; 0 for a fresh one every time.
        workers: Processes that read pictures.
        short_side: Pictures are kept in memory with their short side at most this, in pixels.
        seed: Of the draw.

    Raises:
        InputError: A folder that is not there or empty, or crops of two sizes.
    """

    def __init__(
        self,
        content: str,
        style: str,
        content_crop: CropConfig = CropConfig(),  # noqa: B008 (frozen)
        style_crop: CropConfig = CropConfig(),  # noqa: B008 (frozen)
        variety: Variety = Variety(),  # noqa: B008 (frozen)
        photos: float = 0.0,
        batch: int = 4,
        variants: int = 2,
        workers: int = 1,
        short_side: int = 320,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if content_crop.size != style_crop.size:
            raise InputError(
                "crops of content and style must be of one size; got "
                f"{content_crop.size} and {style_crop.size} pixels."
            )
        self.folders = tuple(PictureFolder(f, short_side=short_side) for f in (content, style))
        self.content_crop, self.style_crop = content_crop, style_crop
        self.variety, self.photos = variety, photos
        self.batch, self.variants, self.workers, self.seed = batch, variants, workers, seed

    def stream(self, start: int = 0, shard: tuple[int, int] = (0, 1)) -> ContentStyleStream:
        """The draw from batch number ``start`` on, or one process's share of it."""
        return ContentStyleStream(
            *self.folders,
            content_crop=self.content_crop,
            style_crop=self.style_crop,
            variety=self.variety,
            photos=self.photos,
            batch=self.batch,
            variants=self.variants,
            seed=self.seed,
            start=start,
            shard=shard,
        )

    def train_dataloader(self) -> DataLoader[dict[str, Tensor]]:
        """Batches from where the trainer stands, so a resumed run sees what it would have seen."""
        start, shard = 0, (0, 1)
        if self.trainer:
            start = self.trainer.global_step * self.trainer.accumulate_grad_batches
            shard = (self.trainer.global_rank, self.trainer.world_size)
        return DataLoader(
            self.stream(start, shard),
            batch_size=None,
            num_workers=self.workers,
            persistent_workers=False,
        )
