"""What outlives the workers of a cluster: how often something was begun, and what is finished.

A file of its own because the process that counts has no need of torch.
"""

from collections import Counter
from typing import Any


class Tally:
    """Counts of what was begun, and records of the pictures that are finished."""

    def __init__(self) -> None:
        self.begun, self.records = Counter[str](), dict[int, str]()

    def begin(self, name: str) -> int:
        """How often a thing has been begun, this time included."""
        self.begun[name] += 1
        return self.begun[name]

    def finish(self, index: int, record: str) -> None:
        """Keep what became of a picture."""
        self.records[index] = record

    def finished(self, index: int) -> str | None:
        """What became of a picture, if that is known."""
        return self.records.get(index)


class SharedTally:
    """A Tally in a process of its own, for all workers.

    Args:
        library: Ray, connected.
    """

    def __init__(self, library: Any) -> None:
        # Should its machine die, it is begun anew: counts are lost then, and no picture.
        options = {"num_cpus": 0, "max_restarts": -1, "max_task_retries": -1}
        self.there = library.remote(**options)(Tally).remote()

    def begin(self, name: str) -> int:
        """See Tally."""
        import ray

        return int(ray.get(self.there.begin.remote(name)))

    def finish(self, index: int, record: str) -> None:
        """See Tally; does not wait."""
        self.there.finish.remote(index, record)

    def finished(self, index: int) -> str | None:
        """See Tally."""
        import ray

        found: str | None = ray.get(self.there.finished.remote(index))
        return found
