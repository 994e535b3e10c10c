"""Where the studio is and what it takes; the flags of ``impasto studio`` derive from this."""

from dataclasses import dataclass

from impasto.checks import bytes_of, check_range

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Addresses that only this machine can reach."""


@dataclass(frozen=True, kw_only=True)
class StudioConfig:
    """Where the studio is, and what it takes."""

    host: str = "127.0.0.1"
    """Address to listen at; 127.0.0.1 is reached from this machine alone, 0.0.0.0 from the network
    as well."""

    port: int = 7860
    """Port to listen at, or 0 for any that is free."""

    browser: bool = True
    """Open the page in the browser."""

    max_upload: str = "200M"
    """Largest file that the page may send."""

    translators: tuple[str, ...] = ()
    """Models for the tab Translate: folders of runs of pix2pix or CycleGAN, or files of them."""

    def __post_init__(self) -> None:
        check_range("port", self.port, at_least=0, at_most=65535)
        bytes_of(self.max_upload, name="max_upload")
        object.__setattr__(self, "translators", tuple(self.translators))  # of any sequence

    @property
    def is_open(self) -> bool:
        """Whether other machines may reach it."""
        return self.host not in LOOPBACK
