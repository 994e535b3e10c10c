"""The paths of the service: parse, let paint, answer.

Reading order: add_routes, paint (the two paths that paint), describe (OpenAPI).
"""

import asyncio
import base64
from collections.abc import Coroutine
from dataclasses import asdict
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from impasto import __version__
from impasto.images.formats import WRITABLE, choose_format
from impasto.service.asked import make_job, read_asked
from impasto.service.front import Front
from impasto.service.gate import PATHS, Exchange
from impasto.service.job import ClientLeftError, Job, Outcome
from impasto.service.metrics import CONTENT_TYPE
from impasto.service.openapi import describe_paint
from impasto.service.options import MEDIA
from impasto.service.settings import ServeConfig
from impasto.weights.cards import read_card, style_paths


def add_routes(app: FastAPI, front: Front, settings: ServeConfig) -> None:
    """Add every path to an application.

    Args:
        app: LitServe's.
        front: Which lets paint.
        settings: Limits.
    """

    async def stylize(request: Request) -> Response:
        return await paint(request, front, settings)

    async def styles() -> Response:
        cards = await asyncio.to_thread(lambda: [read_card(p) for p in style_paths().values()])
        return JSONResponse({"styles": [asdict(card) for card in cards]})

    async def models() -> Response:
        about = await front.about()
        return JSONResponse({"models": [about | {"workers": front.shared.ready}]})

    async def ping() -> Response:
        return Response(status_code=200 if front.is_ready else 503)

    async def metrics() -> Response:
        observe(front)
        return Response(front.metrics.text(), headers={"content-type": CONTENT_TYPE})

    painting = describe_paint(settings)
    for path, endpoint, summary, extra in (
        ("/v1/stylize", stylize, "Paint a picture", painting),
        ("/invocations", stylize, "The same, as Amazon SageMaker asks for it", painting),
        ("/v1/styles", styles, "The presets", None),
        ("/v1/models", models, "The painter", None),
        ("/ping", ping, "200 when a request would be painted, else 503", None),
        ("/metrics", metrics, "Counters for Prometheus", None),
    ):
        app.add_api_route(
            path, endpoint, methods=[PATHS[path]], summary=summary, openapi_extra=extra,
            response_class=Response, response_model=None,
        )  # fmt: skip
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]


async def paint(request: Request, front: Front, settings: ServeConfig) -> Response:
    """POST /v1/stylize and /invocations.

    Raises:
        ImpastoError, RefusedError: What is wrong with the request; the gate answers.
        ClientLeftError: Nobody waits any more.
    """
    asked = await read_asked(request, settings)
    job = await asyncio.to_thread(make_job, asked, settings, front.next_serial())
    note_job(request, job)
    outcome = await while_wanted(request, front.paint(job))
    front.metrics.waited.observe(outcome.waited)
    front.metrics.painting.observe(outcome.seconds)
    exchange: Exchange = request.state.exchange
    exchange.error = outcome.kind or None
    exchange.facts.update(
        waited=round(outcome.waited, 4),
        painted=round(outcome.seconds, 4),
        together=outcome.together,
    )
    return answer_of(outcome, job, wants_json="application/json" in asked.accept.lower())


async def while_wanted(request: Request, work: Coroutine[Any, Any, Outcome]) -> Outcome:
    """What ``work`` gives; it is cancelled when the client leaves.

    Raises:
        ClientLeftError: It has.
    """

    async def left() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(left())
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientLeftError
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()


def note_job(request: Request, job: Job) -> None:
    """Sizes and names go into the log; nothing of what pictures show."""
    request.state.exchange.facts.update(
        job=job.serial,
        width=job.size[1],
        height=job.size[0],
        styles=[style if isinstance(style, str) else "picture" for style in job.styles],
        format=job.format,
    )


def answer_of(outcome: Outcome, job: Job, *, wants_json: bool) -> Response:
    """The painting, or the sentence on what went wrong."""
    if outcome.status != 200:
        document = {"error": {"kind": outcome.kind, "message": outcome.message}}
        headers = {"retry-after": "1"} if outcome.status == 503 else {}
        return JSONResponse(document, outcome.status, headers)
    media = MEDIA[choose_format(job.format, None).name]
    height, width = outcome.size
    timing = f"wait;dur={outcome.waited * 1e3:.1f}, paint;dur={outcome.seconds * 1e3:.1f}"
    headers = {"server-timing": timing}
    if outcome.note:
        headers["x-impasto-note"] = outcome.note.encode("ascii", "replace").decode()
    if not wants_json:
        return Response(outcome.body, headers=headers, media_type=media)
    painting: dict[str, Any] = {
        "image": base64.b64encode(outcome.body).decode(),
        "media_type": media,
        "height": height,
        "width": width,
        "note": outcome.note,
    }
    return JSONResponse(painting, headers=headers)


def observe(front: Front) -> None:
    """Bring the gauges up to date."""
    metrics, shared = front.metrics, front.shared
    metrics.here.set(front.here)
    metrics.held.set(front.held)
    metrics.waiting.set(front.waiting)
    metrics.running.set(front.running)
    metrics.ready.set(shared.ready)
    for number, size in enumerate(shared.peak):
        metrics.peak.labels(str(number)).set(size)


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of our paths; LitServe's own are not reached and not named."""
    if app.openapi_schema is None:
        own = [r for r in app.routes if isinstance(r, APIRoute) and r.path in PATHS]
        kinds = ", ".join(known.name for known in WRITABLE)
        app.openapi_schema = get_openapi(
            title="Impasto",
            version=__version__,
            description=f"Turns photographs into paintings. Formats: {kinds}.",
            routes=own,
        )
    return app.openapi_schema
