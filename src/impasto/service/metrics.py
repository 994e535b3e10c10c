"""What is counted, in the form that Prometheus reads."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The counters of one service, in a registry of their own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.requests = Counter(
            "impasto_requests",
            "Requests by path and status.",
            ["path", "status"],
            registry=registry,
        )
        self.seconds = Histogram(
            "impasto_request_seconds", "From the head of a request to the end of its answer.",
            ["path"], buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self.waited = Histogram(
            "impasto_wait_seconds", "Before a worker began.", buckets=_SECONDS, registry=registry
        )
        self.painting = Histogram(
            "impasto_paint_seconds", "Reading, painting and writing a batch.",
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self.batches = Histogram(
            "impasto_batch_size", "Pictures that a worker got together.",
            buckets=(1, 2, 4, 8, 16, 32), registry=registry,
        )  # fmt: skip
        self.pixels = Counter("impasto_painted_pixels", "Painted.", registry=registry)
        self.received = Counter("impasto_received_bytes", "Of bodies.", registry=registry)
        self.sent = Counter("impasto_sent_bytes", "Of bodies.", registry=registry)
        self.abandoned = Counter(
            "impasto_abandoned", "Jobs whose client left or that took too long.", registry=registry
        )
        self.here = Gauge("impasto_requests_here", "Requests now.", registry=registry)
        self.waiting = Gauge("impasto_jobs_waiting", "Jobs that wait now.", registry=registry)
        self.running = Gauge("impasto_jobs_running", "Jobs that workers have.", registry=registry)
        self.held = Gauge("impasto_held_bytes", "Of requests now.", registry=registry)
        self.ready = Gauge("impasto_workers_ready", "Workers that can paint.", registry=registry)
        self.peak = Gauge(
            "impasto_worker_peak_bytes", "The most memory it has taken.", ["worker"],
            registry=registry,
        )  # fmt: skip

    def text(self) -> bytes:
        """All of them, as GET /metrics answers."""
        found: bytes = generate_latest(self.registry)
        return found
