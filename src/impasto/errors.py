"""Every error that Impasto raises on purpose, with its exit code and HTTP status.

ImpastoError                  exit  HTTP
  InputError                     2   422   the caller's values
    ShapeError                   2   422   a tensor of the wrong form
    ImageError                   2   415   a file that is not a picture we can read
    ImageTooLargeError           2   413   a picture beyond the limit of pixels
  OutputError                    5   507   a place that cannot be written
  WeightsError                   3   424   missing, damaged or foreign weights
  ResourceError                  4   413   would not fit in memory, time or disk
  TrainingError                  6   500   learning that cannot go on (a loss that is not a number)
  MissingExtraError              7   501   an optional part that is not installed
  DataError                      8   424   a data set that cannot be had whole, or has faults
  ExportError                    9   500   a graph that cannot be converted, or paints otherwise

One sentence each: what was given, what is allowed, what to type instead. The command line
maps ``exit_code``, the service maps ``http_status``; both show the same sentence.
"""


class ImpastoError(Exception):
    """Base of every error this package raises on purpose."""

    exit_code: int = 1
    http_status: int = 500


class InputError(ImpastoError):
    """A value of the caller's is outside what is allowed."""

    exit_code, http_status = 2, 422


class ShapeError(InputError):
    """A tensor has the wrong number of axes or a wrong length."""


class ImageError(InputError):
    """A file is not a picture that can be read, or is damaged."""

    exit_code, http_status = 2, 415


class ImageTooLargeError(ImageError):
    """A picture has more pixels than the limit allows (a decompression bomb, perhaps)."""

    exit_code, http_status = 2, 413


class OutputError(ImpastoError):
    """A result cannot be written where it was asked for."""

    exit_code, http_status = 5, 507


class WeightsError(ImpastoError):
    """Weights are missing, damaged, or belong to another network."""

    exit_code, http_status = 3, 424


class ResourceError(ImpastoError):
    """The work would not fit in memory, time or disk."""

    exit_code, http_status = 4, 413


class TrainingError(ImpastoError):
    """Learning cannot go on; the message names the term that broke."""

    exit_code, http_status = 6, 500


class MissingExtraError(ImpastoError):
    """An optional part of Impasto is needed and not installed."""

    exit_code, http_status = 7, 501

    @classmethod
    def of(cls, extra: str, purpose: str) -> "MissingExtraError":
        """The one sentence every missing extra gets.

        Args:
            extra: Name of the extra in ``pyproject.toml``, such as "train".
            purpose: What was asked for, as the start of the sentence ("Training").
        """
        return cls(
            f"{purpose} needs packages that are not installed; "
            f'type: python -m pip install "impasto[{extra}]".'
        )


class DataError(ImpastoError):
    """A data set could not be fetched or unpacked, or files in it are damaged."""

    exit_code, http_status = 8, 424


class ExportError(ImpastoError):
    """A painter cannot be converted, or the result paints otherwise than torch."""

    exit_code, http_status = 9, 500
