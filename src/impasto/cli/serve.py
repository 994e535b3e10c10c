"""``impasto serve``: painting over HTTP; ``impasto sagemaker serve``: as Amazon asks for it."""

import os
from dataclasses import replace
from importlib.util import find_spec

from impasto.cli.output import complain
from impasto.errors import MissingExtraError
from impasto.service.settings import ServeConfig


def serve(*, settings: ServeConfig) -> int:
    """Paint over HTTP, until stopped by Ctrl-C or SIGTERM; what is running is finished.

    POST /v1/stylize takes a form, JSON or a picture and gives the painting; GET /openapi.json
    describes it. The log goes to standard error, one line of JSON per request.

    Args:
        settings: Where it listens, what it takes, who paints.

    Returns:
        The exit code.

    Raises:
        ImpastoError: Why it cannot begin.

    Examples:
        impasto serve --port 8080
        impasto serve --host 0.0.0.0 --workers 2 --api-key-file key.txt
    """
    return _serve(settings)


def sagemaker(folder: str | None = None, *, settings: ServeConfig) -> int:
    """Serve as Amazon SageMaker wants it: GET /ping and POST /invocations on port 8080.

    It listens on every address, because the container is SageMaker's own. The model's folder may
    hold the .safetensors file of a painter and a folder styles with style files; without them
    the bundled ones serve. Environment variables set what flags would: IMPASTO_SERVE_WORKERS=2.

    Args:
        folder: Of the model. Default: the one of SageMaker's contract.
        settings: What it takes, who paints.

    Returns:
        The exit code.

    Raises:
        ImpastoError: Why it cannot begin.

    Examples:
        impasto sagemaker serve
        impasto sagemaker serve model-folder --port 8081
    """
    _check_extra()
    from impasto.service.sagemaker import MODEL_FOLDER, read_folder, settings_of, use_styles

    settings = settings_of(os.environ, replace(settings, host="0.0.0.0"))
    settings, styles = read_folder(folder or MODEL_FOLDER, settings)
    if styles is not None:
        use_styles(styles)
    return _serve(settings)


def _serve(settings: ServeConfig) -> int:
    _check_extra()
    from impasto.service.server import serve as run

    where = "[::]" if settings.host == "::" else settings.host
    complain(f"painting at http://{where}:{settings.port} as soon as {settings.model} is loaded.")
    run(settings)
    return 0


def _check_extra() -> None:
    if not all(map(find_spec, ("litserve", "prometheus_client"))):
        raise MissingExtraError.of("serve", "The service")
