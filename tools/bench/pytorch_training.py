"""A PyTorch peer's training steps and passes over batches, alike for all models."""

import contextlib
import time

from pytorch_fastest import make_adam

import torch


class TrainStep:
    """
    Called, trains on the typical batch; `on` trains on any. `loss_of(index, model)` gives a batch's loss, `training` the clipping norm,
    the learning rate and, for AdamW, the weights' decay.
    """

    def __init__(self, model, loss_of, training, typical):
        self.model, self.loss_of, self.typical = model, loss_of, typical
        self.clip_norm = training["clipNorm"]
        self.parameters = list(model.parameters())
        self.adam = make_adam(self.parameters, training["learningRate"], training.get("weightDecay"))
        # Of the weights all start from, without dropout: says that the models are the same.
        with torch.no_grad():
            self.first_loss = loss_of(0, model.eval()).item()
        model.train()

    def on(self, index):
        self.adam.zero_grad(set_to_none=True)
        self.loss_of(index, self.model).backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, self.clip_norm)
        self.adam.step()

    def __call__(self):
        self.on(self.typical)


def precision_of(bf16):
    """What a forward pass runs in."""
    return torch.autocast("cpu", dtype=torch.bfloat16) if bf16 else contextlib.nullcontext()


def rate_of_passes(step, seconds, batches, work):
    """Work a second over whole passes, after one batch to warm up."""
    step.on(0)
    passes, start = 0, time.perf_counter()
    while passes == 0 or time.perf_counter() - start < seconds:
        for index in range(batches):
            step.on(index)
        passes += 1
    return passes * work / (time.perf_counter() - start)
