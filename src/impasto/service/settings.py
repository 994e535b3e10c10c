"""What can be said about the service; flags, documents and limits derive from this."""

from dataclasses import dataclass
from typing import Literal, get_args

from impasto.checks import bytes_of, check_choice, check_range
from impasto.runtime import Precision

Host = Literal["127.0.0.1", "0.0.0.0", "::"]
"""The three addresses that LitServe listens on."""


@dataclass(frozen=True, kw_only=True)
class ServeConfig:
    """Settings of one service."""

    model: str = "swift"
    """A painter's name (impasto models list), or the .safetensors file of your own."""

    default_style: str | None = None
    """The preset for requests that name no style. Default: hokusai-great-wave, or the first."""

    host: Host = "127.0.0.1"
    """Where to listen: 127.0.0.1 is this machine alone, 0.0.0.0 all of IPv4, :: all of IPv6."""

    port: int = 8080
    """Of TCP, from 1024."""

    device: str = "auto"
    """auto, cpu, cuda, cuda:1 or mps; of several GPUs each worker takes the next."""

    precision: Precision = "auto"
    """Numbers to compute with; auto is bfloat16 where that is faster."""

    workers: int = 1
    """Processes that paint; on a processor they share its cores."""

    max_batch: int = 8
    """Pictures of one size that are painted together; 1 paints each alone."""

    max_queue: int = 64
    """Pictures that may wait or be painted at once; more are answered with 503 and Retry-After."""

    timeout: float = 60.0
    """Seconds from the last byte of a request to its painting; then 503 and Retry-After."""

    upload_timeout: float = 20.0
    """Seconds for the head of a request, and again for its body; then 408."""

    drain: float = 25.0
    """Seconds that running paintings get when the service is told to stop."""

    max_bytes: str = "32M"
    """Of one request, such as 32M."""

    max_waiting: str = "512M"
    """Bytes of all requests that are here together; more are answered with 503."""

    max_pixels: int = 25_000_000
    """Height times width of any picture in a request."""

    max_styles: int = 8
    """In one request."""

    max_memory: str = "1G"
    """How much memory painting may take beside the picture; larger ones are painted in tiles."""

    style_cache: int = 256
    """Styles from pictures whose statistics each worker remembers."""

    api_key_file: str | None = None
    """A file with the key that clients must send; the environment variable IMPASTO_API_KEY is
    another way to set one."""

    def __post_init__(self) -> None:
        check_choice("host", self.host, get_args(Host))
        check_range("port", self.port, at_least=1024, at_most=65535)
        check_choice("precision", self.precision, get_args(Precision))
        for name in ("workers", "max_batch", "max_queue", "max_pixels", "max_styles"):
            check_range(name, getattr(self, name), at_least=1)
        check_range("workers", self.workers, at_most=256)
        check_range("style_cache", self.style_cache, at_least=0)
        for name in ("timeout", "upload_timeout"):
            check_range(name, getattr(self, name), above=0.0, at_most=86_400.0)
        check_range("drain", self.drain, at_least=0.0, at_most=3_600.0)
        for name in ("max_bytes", "max_waiting", "max_memory"):
            bytes_of(getattr(self, name), name=name)

    @property
    def most_bytes(self) -> int:
        """``max_bytes`` as a number."""
        return bytes_of(self.max_bytes, name="max_bytes")

    @property
    def most_waiting(self) -> int:
        """``max_waiting`` as a number."""
        return bytes_of(self.max_waiting, name="max_waiting")
