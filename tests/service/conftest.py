"""The service in this process, a worker that gives everything back behind it."""

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("litserve")
pytest.importorskip("prometheus_client")

from fastapi import FastAPI
from service_client import Service, echo

from impasto.service.front import Front
from impasto.service.gate import Gate
from impasto.service.routes import add_routes
from impasto.service.settings import ServeConfig
from impasto.service.shared import Shared


@pytest.fixture
def service(tiny_styles, monkeypatch) -> Callable[..., Service]:
    """Make a service of settings; behind it is ``echo`` unless another worker is given."""
    monkeypatch.setenv("IMPASTO_STYLES", str(tiny_styles))
    monkeypatch.setattr("impasto.weights.cards.BUNDLED", tiny_styles / "none")

    def make(*, worker: Any = echo, key: str | None = None, **settings: Any) -> Service:
        config = ServeConfig(**settings)
        shared = Shared(config.workers)
        shared.set_ready(0, True)
        front = Front(config, worker, shared)
        app = FastAPI()
        add_routes(app, front, config)
        app.add_middleware(Gate, front=front, settings=config, key=key)
        return Service(app, front, shared)

    return make
