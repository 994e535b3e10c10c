"""Impasto turns photographs into paintings.

>>> import impasto
>>> impasto.stylize("photo.jpg", style="great-wave").save("out.png")  # doctest: +SKIP
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from impasto.api import dream, evaluate, load, make_style, styles, stylize, translate
    from impasto.errors import ImpastoError
    from impasto.images.io import Picture, read_picture, write_picture
    from impasto.inference.settings import StylizeConfig
    from impasto.inference.stylize import Stylizer
    from impasto.inference.transfer import Transfer, invert, texture, transfer
    from impasto.methods.gatys.settings import TransferConfig

__version__ = "0.1.0"

_HOMES = {
    "ImpastoError": "impasto.errors",
    "Picture": "impasto.images.io",
    "StylizeConfig": "impasto.inference.settings",
    "Stylizer": "impasto.inference.stylize",
    "Transfer": "impasto.inference.transfer",
    "TransferConfig": "impasto.methods.gatys.settings",
    "dream": "impasto.api",
    "evaluate": "impasto.api",
    "invert": "impasto.inference.transfer",
    "load": "impasto.api",
    "make_style": "impasto.api",
    "read_picture": "impasto.images.io",
    "styles": "impasto.api",
    "stylize": "impasto.api",
    "texture": "impasto.inference.transfer",
    "transfer": "impasto.inference.transfer",
    "translate": "impasto.api",
    "write_picture": "impasto.images.io",
}

__all__ = [
    "ImpastoError",
    "Picture",
    "StylizeConfig",
    "Stylizer",
    "Transfer",
    "TransferConfig",
    "dream",
    "evaluate",
    "invert",
    "load",
    "make_style",
    "read_picture",
    "styles",
    "stylize",
    "texture",
    "transfer",
    "translate",
    "write_picture",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: ``import impasto`` stays in milliseconds."""
    if name not in _HOMES:
        raise AttributeError(f"module 'impasto' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
