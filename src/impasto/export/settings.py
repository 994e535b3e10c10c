"""What can be said about an export; flags and docs derive from this."""

from dataclasses import dataclass
from typing import Literal, get_args

from impasto.checks import check_choice, check_range
from impasto.errors import InputError

Target = Literal["onnx", "openvino", "oak", "torch", "web"]
StyleInput = Literal["picture", "statistics"]

SUFFIXES: dict[str, str] = {"onnx": ".onnx", "openvino": ".xml", "oak": ".onnx", "torch": ".pt2"}
"""Endings of the files, by target; web is a folder."""


@dataclass(frozen=True, kw_only=True)
class ExportConfig:
    """Settings of one export."""

    to: Target
    """onnx; openvino (.xml and .bin); oak (ONNX, OpenVINO and an NN archive for Luxonis' cameras);
    torch (.pt2, a program of torch.export); web (a folder whose page paints in the browser)."""

    style: str | None = None
    """A style to put inside, by name, style file or picture: the graph then takes a content and
    nothing else."""

    style_input: StyleInput = "picture"
    """How a graph without a style inside takes it: picture, or statistics (style_mean and
    style_variance, as impasto styles make keeps them)."""

    alpha: float = 1.0
    """How much of a style that is put inside, from 0 to 1; other graphs take alpha as an input."""

    size: tuple[int, ...] | None = None
    """Height and width, where the graph is to take one size alone. Default: any; oak 256 256."""

    half: bool = False
    """Keep weights in half precision, and compute in it where the runtime can."""

    int8: bool = False
    """Compute convolutions in whole numbers of 8 bits; needs --calibrate. onnx and openvino."""

    calibrate: str | None = None
    """A folder of photographs like those that will be painted, to learn the ranges of int8 by."""

    grain: bool = True
    """Keep swift's grain. OpenVINO counts in 32 bits, so there any size means none."""

    onnxruntime_web: str | None = None
    """For web: the package onnxruntime-web where it is at hand, as a .tgz or an unpacked folder.
    Default: npm fetches it."""

    def __post_init__(self) -> None:
        check_choice("to", self.to, get_args(Target))
        check_choice("style_input", self.style_input, get_args(StyleInput))
        check_range("alpha", self.alpha, at_least=0.0, at_most=1.0)
        if self.size is not None:
            object.__setattr__(self, "size", tuple(self.size))
            if len(self.size) != 2:
                raise InputError(f"size must be a height and a width; got {len(self.size)} number.")
            for name, side in zip(("height", "width"), self.size, strict=True):
                check_range(name, side, at_least=1, at_most=16384)
        if self.int8 and self.calibrate is None:
            raise InputError("int8 needs photographs to calibrate on; give --calibrate FOLDER.")
        if self.calibrate is not None and not self.int8:
            raise InputError("--calibrate is for --int8; give both, or neither.")
        if self.int8 and (self.half or self.to in ("torch", "oak")):
            raise InputError("int8 is for --to onnx or openvino, and not together with half.")
        if self.to == "web":
            self._check_page()
        elif self.onnxruntime_web is not None:
            raise InputError("--onnxruntime-web is for --to web; leave it out.")

    def _check_page(self) -> None:
        wishes = {
            "--style": self.style is not None,
            "--style-input": self.style_input != "picture",
            "--size": self.size is not None,
            "--half": self.half,
            "--int8": self.int8,
        }
        given = [flag for flag, wished in wishes.items() if wished]
        if given:
            raise InputError(
                "the page takes every style and any size, and computes in float32; leave "
                f"{' and '.join(given)} out."
            )

    @property
    def fixed(self) -> tuple[int, int] | None:
        """(height, width) where there is one size alone."""
        if self.size is not None:
            return self.size[0], self.size[1]
        return (256, 256) if self.to == "oak" else None
