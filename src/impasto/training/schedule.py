"""Learning rates over the steps of a run."""


def warm_hold_decay(step: int, *, warm: int, decay_from: int, steps: int, floor: float) -> float:
    """Factor of the learning rate: up linearly, hold, down linearly.

    Holding lets a run be prolonged or ended at will: only its last part is a decay.

    Args:
        step: Number of the update, from 0.
        warm: Updates of the rise.
        decay_from: First update of the fall.
        steps: Last update of the fall.
        floor: Factor at and after the end.
    """
    if step < warm:
        return (step + 1) / warm
    if step <= decay_from:
        return 1.0
    if step >= steps:
        return floor
    return floor + (1 - floor) * (steps - step) / (steps - decay_from)
