"""What travels between the front, which talks with clients, and the workers, which paint."""

from dataclasses import dataclass, field

from impasto.errors import ImpastoError
from impasto.inference.settings import StylizeConfig

LEFT = 499
"""The status in logs of a request whose client has gone; it is never sent."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One picture to be painted; everything in it has been checked but for damaged pixels."""

    serial: int
    """Counted from 1 since the service began."""
    content: bytes = field(repr=False)
    """The file of the photograph."""
    size: tuple[int, int]
    """(height, width), as the head of the file says."""
    styles: tuple[str | bytes, ...] = field(default=(), repr=False)
    """Names of presets and files of pictures; none for the default."""
    masks: tuple[bytes, ...] = field(default=(), repr=False)
    """Files of pictures, one per style, or none."""
    config: StylizeConfig
    format: str
    """Of the painting: "png", "jpg" ..."""
    quality: int = 95

    @property
    def kin(self) -> object:
        """Jobs of equal kin may be painted together: sizes, shares and strength are the same."""
        if self.masks or self.config.alpha == 0:
            return self.serial
        shares = (len(self.styles), self.config.style_weights)
        return (self.size, shares, self.config.alpha, self.config.seed)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a job."""

    status: int = 200
    """Of HTTP."""
    body: bytes = field(default=b"", repr=False)
    """The file of the painting."""
    size: tuple[int, int] = (0, 0)
    """(height, width) of the painting."""
    note: str | None = None
    """What the reader says about the photograph."""
    kind: str = ""
    """The class of the error, where there is one."""
    message: str = ""
    """Its sentence."""
    seconds: float = 0.0
    """Reading, painting and writing, of all that were painted together."""
    together: int = 1
    """How many were painted together."""
    waited: float = 0.0
    """Seconds before a worker began."""

    @classmethod
    def of(cls, error: ImpastoError) -> "Outcome":
        """An error as an outcome; the sentence is the command line's."""
        return cls(status=error.http_status, kind=type(error).__name__, message=str(error))


class RefusedError(Exception):
    """What only a service refuses: too much at once, too slowly, without a key.

    Args:
        status: Of HTTP.
        message: One sentence.
        retry_after: Seconds after which it is worth another try.
        headers: Further ones of the answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        retry_after: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.headers = status, dict(headers or {})
        if retry_after is not None:
            self.headers["retry-after"] = str(retry_after)


class ClientLeftError(Exception):
    """Nobody waits for the answer any more."""
