"""A loss that is no number must end a run before it spoils the weights."""

from collections.abc import Mapping

import torch
from torch import Tensor

from impasto.errors import TrainingError

LOWER_RATE = "resume from the last checkpoint with a lower --model.learning_rate"


def check_finite(losses: Mapping[str, Tensor], remedy: str = LOWER_RATE) -> None:
    """Stop with the name of the term that broke.

    Args:
        losses: Scalars by name, on one device.
        remedy: What to do, as the end of the sentence.

    Raises:
        TrainingError: A term is NaN or infinite.
    """
    total = torch.stack([value.detach() for value in losses.values()])
    if torch.isfinite(total).all():  # one wait for the device, not one for each term
        return
    broken = [name for name, value in losses.items() if not torch.isfinite(value)]
    subject = f"term {broken[0]} is" if len(broken) == 1 else f"terms {' and '.join(broken)} are"
    raise TrainingError(f"the loss {subject} not finite; {remedy}.")
