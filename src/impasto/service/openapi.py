"""What a request may hold, described for programs; options come from the settings themselves."""

from typing import Any

from impasto.service.asked import PARTS
from impasto.service.options import MEDIA, flags, schema_of
from impasto.service.sagemaker import ATTRIBUTES
from impasto.service.settings import ServeConfig

_ERRORS = {
    401: "The API key is missing or wrong.",
    408: "The body came too slowly.",
    413: "Too many bytes or pixels, or more memory than is allowed.",
    415: "A content type that is not taken, or a file that is no picture.",
    422: "A value that is not allowed.",
    424: "A style that was made for another painter.",
    503: "Too many requests, too long a wait, or the service is being stopped; see Retry-After.",
}


def describe_paint(settings: ServeConfig) -> dict[str, Any]:
    """The parts of OpenAPI on a path that paints: its body, query, header and answers."""
    options = {name: schema_of(flag) for name, flag in flags().items()}
    own = {
        "content": "The photograph.",
        "style": f"At most {settings.max_styles}: names of presets (GET /v1/styles) or pictures.",
        "mask": "One picture per style: white where that style paints.",
    }
    assert tuple(own) == PARTS
    return {
        "parameters": _parameters(options),
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {"schema": _form(own, options)},
                "application/json": {"schema": _json(own, options)},
                **{media: {"schema": _binary("The photograph.")} for media in MEDIA.values()},
            },
        },
        "responses": {
            "200": {
                "description": "The painting.",
                "content": {
                    **{media: {"schema": _binary("The painting.")} for media in MEDIA.values()},
                    "application/json": {"schema": _painting()},
                },
            },
            **{str(status): _error(text) for status, text in _ERRORS.items()},
        },
    }


def _parameters(options: dict[str, Any]) -> list[dict[str, Any]]:
    """Of a raw picture, whose body has no room for options."""
    style = {"type": "array", "items": {"type": "string"}, "description": "Names of presets."}
    query = [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in {"style": style, **options}.items()
    ]
    attributes = {
        "name": ATTRIBUTES,
        "in": "header",
        "required": False,
        "description": "The same as in a query: style=great-wave;alpha=0.8.",
        "schema": {"type": "string"},
    }
    return [*query, attributes]


def _form(own: dict[str, str], options: dict[str, Any]) -> dict[str, Any]:
    content, style, mask = own.values()
    several = {"type": "array", "items": _binary(mask), "description": mask}
    names = {"type": "array", "items": {"type": "string"}, "description": style}
    properties = {"content": _binary(content), "style": names, "mask": several, **options}
    return {"type": "object", "required": ["content"], "properties": properties}


def _json(own: dict[str, str], options: dict[str, Any]) -> dict[str, Any]:
    content, style, mask = own.values()
    base64 = {"type": "string", "contentEncoding": "base64"}
    pictures = f"{style} Pictures are data URLs (data:image/png;base64,...)."
    properties = {
        "content": base64 | {"description": content},
        "style": {"type": "array", "items": {"type": "string"}, "description": pictures},
        "mask": {"type": "array", "items": base64, "description": mask},
        **options,
    }
    return {
        "type": "object",
        "required": ["content"],
        "properties": properties,
        "additionalProperties": False,
    }


def _binary(description: str) -> dict[str, Any]:
    return {"type": "string", "format": "binary", "description": description}


def _painting() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "image": {"type": "string", "contentEncoding": "base64"},
            "media_type": {"type": "string"},
            "height": {"type": "integer"},
            "width": {"type": "integer"},
            "note": {"type": ["string", "null"]},
        },
    }


def _error(description: str) -> dict[str, Any]:
    text = {"type": "string"}
    parts = {"type": "object", "properties": {"kind": text, "message": text}}
    schema = {"type": "object", "properties": {"error": parts}}
    return {"description": description, "content": {"application/json": {"schema": schema}}}
