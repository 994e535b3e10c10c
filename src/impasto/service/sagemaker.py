"""Amazon SageMaker's contract with a container.

It starts the image with the argument ``serve`` as root, puts what was in model.tar.gz into one
folder, asks GET /ping until it is 200, and passes on POST /invocations with the body and the
headers Content-Type, Accept and X-Amzn-SageMaker-Custom-Attributes, and no query. A container has
60 seconds for an answer, and 30 from SIGTERM to SIGKILL.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html

Reading order: read_folder, settings_of (what a container cannot be told by flags), read_attributes.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from impasto.checks import check_choice
from impasto.cli.parser import flags_of
from impasto.errors import InputError, WeightsError
from impasto.service.options import value_of
from impasto.service.settings import ServeConfig

MODEL_FOLDER = "/opt/ml/model"
"""Where the contract puts the model; the path is fixed."""

STYLES_FOLDER = "styles"
"""Inside the model's folder: style files, which become presets."""

ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
"""The header by which a caller of InvokeEndpoint can say something about a raw picture."""

PREFIX = "IMPASTO_SERVE_"
"""Of environment variables that set what flags would: IMPASTO_SERVE_WORKERS=2."""


def read_folder(folder: str | Path, settings: ServeConfig) -> tuple[ServeConfig, Path | None]:
    """What is in the model's folder.

    Args:
        folder: May be empty or absent; then the bundled painter and styles serve.
        settings: Whose ``model`` wins where it is not the default.

    Returns:
        Settings with the painter's file as the model, and the folder of styles if there is one.

    Raises:
        WeightsError: Several painters.
    """
    folder = Path(folder)
    painters = sorted(folder.glob("*.safetensors")) if folder.is_dir() else []
    if settings.model == ServeConfig.model and painters:
        if len(painters) > 1:
            names = ", ".join(path.name for path in painters)
            raise WeightsError(
                f"{folder} must hold one painter; got {names}. Put style files into "
                f"{folder / STYLES_FOLDER}."
            )
        settings = replace(settings, model=str(painters[0]))
    styles = folder / STYLES_FOLDER
    return settings, styles if styles.is_dir() else None


def settings_of(environment: Mapping[str, str], settings: ServeConfig) -> ServeConfig:
    """Settings with those that environment variables give; a model's creator can set these.

    Args:
        environment: Such as ``os.environ``.
        settings: The rest.

    Raises:
        InputError: A variable that begins with PREFIX and names no setting, or a wrong value.
    """
    known = {flag.name: flag for flag in flags_of(ServeConfig)}
    found = {}
    for variable, text in environment.items():
        if not variable.startswith(PREFIX):
            continue
        name = variable.removeprefix(PREFIX).lower()
        check_choice(f"what follows {PREFIX}", name, known)
        try:
            found[name] = value_of(known[name], text)
        except InputError as error:
            raise InputError(f"{variable}: {error}") from error
    return replace(settings, **found)


def use_styles(folder: Path) -> None:
    """Let the style files of a folder be presets in this process and those it starts."""
    os.environ["IMPASTO_STYLES"] = str(folder)


def read_attributes(header: str) -> list[tuple[str, str]]:
    """Names and values of the header: ``style=great-wave;alpha=0.8;style_weights=2,1``.

    Semicolons or commas part them; what follows a comma without an equals sign belongs to the value
    before it. A piece with no equals sign at all is passed over, because AWS suggests the header
    for an identifier as well.
    """
    pairs: list[tuple[str, str]] = []
    for piece in header.split(";"):
        own = len(pairs)
        for part in piece.split(","):
            name, equals, value = (text.strip() for text in part.partition("="))
            if equals:
                pairs.append((name, value))
            elif name and len(pairs) > own:
                pairs[-1] = (pairs[-1][0], f"{pairs[-1][1]},{name}")
    return pairs
