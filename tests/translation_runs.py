"""Small runs of translation, and what they leave behind."""

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint


class Logged(Callback):
    """Every term of every step, by the name it has in the log."""

    def __init__(self):
        self.steps = []

    def on_train_batch_end(self, trainer, module, outputs, batch, index):
        terms = trainer.callback_metrics.items()
        self.steps.append({name: float(value) for name, value in terms})


def fit(module, data, folder, *, steps, callbacks=(), resume=None, **flags):
    flags = {"accelerator": "cpu", "logger": False, "log_every_n_steps": 1} | flags
    trainer = Trainer(
        max_steps=steps, default_root_dir=folder, callbacks=list(callbacks),
        enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0,
        check_val_every_n_epoch=None, val_check_interval=flags.pop("val_check_interval", 1000),
        enable_checkpointing=any(isinstance(c, ModelCheckpoint) for c in callbacks), **flags,
    )  # fmt: skip
    trainer.fit(module, datamodule=data, ckpt_path=resume)
    return trainer


def state_of(trainer, module):
    """Everything that must be the same after a resume: weights, optimisers, history."""
    tensors = dict(module.state_dict())
    for place, optimizer in enumerate(trainer.optimizers):
        for number, values in optimizer.state_dict()["state"].items():
            tensors |= {f"{place}.{number}.{k}": torch.as_tensor(v) for k, v in values.items()}
    for name, pool in module.pools.items():
        tensors |= {f"{name}.held": pool.state_dict()["held"], f"{name}.seen": pool.seen}
    rates = [o.param_groups[0]["lr"] for o in trainer.optimizers]
    return {k: torch.as_tensor(v) for k, v in tensors.items()} | {"rates": torch.tensor(rates)}
