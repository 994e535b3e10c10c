"""One line of JSON per event on standard error; never the contents of a picture."""

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime

LOGGER = logging.getLogger("impasto.service")


class JsonLines(logging.Formatter):
    """Time, level and event, then the facts of the record, then a traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; line breaks inside are JSON's."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.name != LOGGER.name:
            line["logger"] = record.name
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def say(event: str, level: int = logging.INFO, **facts: object) -> None:
    """Log an event; facts that are None are left out."""
    known: Mapping[str, object] = {k: v for k, v in facts.items() if v is not None}
    LOGGER.log(level, event, extra={"facts": known})


def log_to_stderr() -> None:
    """Send every log of this process there, those of the libraries from warnings on.

    It is for processes that are the service's own.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    LOGGER.setLevel(logging.INFO)

    def take_over(record: logging.LogRecord) -> bool:
        if record.levelno >= logging.WARNING:
            handler.handle(record)
        return False

    # LitServe gives its logger a handler of its own, of another form, at every start; what a
    # filter has taken does not reach it.
    logging.getLogger("litserve").filters = [take_over]
