"""What can be said about many pictures at once; flags and docs derive from this."""

from dataclasses import dataclass
from typing import Literal, get_args

from impasto.checks import check_choice, check_range

Engine = Literal["local", "ray"]


@dataclass(frozen=True, kw_only=True)
class ManyConfig:
    """Settings of many pictures, beside those of each."""

    batch: int = 1
    """Pictures of equal size that are painted at once. One keeps all cores of a processor busy
    and more only take memory; a graphics card may paint several small ones faster. Paintings are
    the same but for rounding."""

    threads: int | None = None
    """Threads that read pictures while others are painted, and as many that write. Default: 1
    where a processor paints, which needs its cores for that, 4 where a graphics card does."""

    engine: Engine = "local"
    """Who paints: local is this process, ray the workers of a Ray cluster (extra ray)."""

    manifest: str | None = None
    """A file that gets a line of JSON per picture: from where, to where, seconds, SHA-256 of the
    painting, error. Lines are only ever added; --resume reads them."""

    def __post_init__(self) -> None:
        check_range("batch", self.batch, at_least=1)
        if self.threads is not None:
            check_range("threads", self.threads, at_least=1)
        check_choice("engine", self.engine, get_args(Engine))


@dataclass(frozen=True, kw_only=True)
class RayConfig:
    """Settings of a Ray cluster that paints."""

    workers: int | None = None
    """With --engine ray: processes that paint, each with a painter of its own. Default: as many
    as the cluster has room for."""

    cpus: float = 1.0
    """With --engine ray: processors per worker, which are its threads, too."""

    gpus: float | None = None
    """With --engine ray: graphics cards per worker; with 0.5 two workers share one. Default: 1
    where the cluster has any, else 0."""

    retries: int = 3
    """With --engine ray: how often a picture is tried again after its worker died."""

    share: int = 8
    """With --engine ray: pictures that a worker is given at a time."""

    cluster: str | None = None
    """With --engine ray: address of the cluster. Default: the one that RAY_ADDRESS names or that
    runs on this machine, else one of this machine for as long as the command takes."""

    def __post_init__(self) -> None:
        if self.workers is not None:
            check_range("workers", self.workers, at_least=1)
        check_range("cpus", self.cpus, above=0)
        if self.gpus is not None:
            check_range("gpus", self.gpus, at_least=0)
        check_range("retries", self.retries, at_least=0)
        check_range("share", self.share, at_least=1)
