"""The benchmark's translation in PyTorch, the peer of `oursTranslation.mjs`; `runner.mjs` says how it is asked.

nn.LSTM over packed sequences reads the sources, one nn.LSTM a layer runs over whole targets (teacher forcing), attention is two
batched products with a mask; label-smoothed cross-entropy, gradients clipped by their global norm, Adam. Beam search runs all
hypotheses of all sentences as one batch.

    python pytorch_translation.py train --folder FOLDER --precision bf16
    python pytorch_translation.py beam --folder FOLDER
    python pytorch_translation.py greedy --folder FOLDER

FOLDER holds the task and the weights that all start from. Before it is ready it tries the ways this PyTorch offers to do the same
work (threads, oneDNN or the plain kernels, layout; one step as nn.LSTM or as a cell) and keeps the fastest.
"""

import json
import os

from pytorch_fastest import fastest, fastest_layout, kernel_choices, make_parser, serve
from pytorch_search import beam_search, greedy_search
from pytorch_training import TrainStep, precision_of, rate_of_passes
from pytorch_translation_model import TranslationModel, load
from pytorch_weights import read_weights

import torch
from torch import nn


def padded(rows, filler):
    width = max(len(row) for row in rows)
    return torch.tensor([row + [filler] * (width - len(row)) for row in rows])


def tensors_of(batch, start):
    """source [B, S], its lengths [B], inputs and targets [B, T], padded with -1"""
    inputs = padded([[start] + row[:-1] for row in batch["target"]], 0)
    lengths = torch.tensor([len(row) for row in batch["source"]])
    return padded(batch["source"], 0), lengths, inputs, padded(batch["target"], -1)


class Task:
    """What the folder holds."""

    def __init__(self, folder):
        with open(os.path.join(folder, "task.json"), encoding="utf-8") as file:
            self.__dict__.update(json.load(file))
        self.weights = read_weights(folder)
        self.tensors = [tensors_of(batch, self.tokens["start"]) for batch in self.batches]
        self.typical = len(self.batches) // 2

    def make_model(self, **way):
        torch.manual_seed(1)
        model = TranslationModel(self.model, **way)
        load(model, self.weights)
        return model


class Search:
    """Called, translates the typical batch; `on` translates any and gives the tokens of each sentence."""

    def __init__(self, task, settings, bf16, beam_size):
        self.task, self.beam_size = task, beam_size
        self.model = task.make_model(cells=settings["form"] == "cells").eval()
        if bf16:
            self.model.bfloat16()

    def on(self, index):
        with torch.inference_mode():
            source, lengths, _, _ = self.task.tensors[index]
            memory, states = self.model.encode(source, lengths)
            search, tokens = self.task.search, self.task.tokens
            # The end token is the last of the steps.
            length = search["steps"] - 1
            limits = dict(tokens=tokens, shortest=length, longest=length)

            def step(ids, states):
                return self.model.step(ids, states, memory)

            if self.beam_size == 1:
                return greedy_search(step, states, **limits)
            return beam_search(step, states, beam_size=self.beam_size, alpha=search["lengthPenalty"], **limits)

    def __call__(self):
        self.on(self.task.typical)


def train(arguments):
    task = Task(arguments.folder)

    def loss_of(index, model):
        source, lengths, inputs, targets = task.tensors[index]
        with precision_of(arguments.precision == "bf16"):
            logits = model(source, lengths, inputs)
            rows = logits.reshape(-1, logits.shape[-1]).float()
            smoothing = task.training["labelSmoothing"]
            return nn.functional.cross_entropy(rows, targets.view(-1), ignore_index=-1, label_smoothing=smoothing)

    def step_of(settings):
        model = task.make_model(batch_first=settings["layout"] == "batch_first")
        return TrainStep(model, loss_of, task.training, task.typical)

    best = fastest_layout(arguments, step_of)
    tokens = sum(len(row) for batch in task.batches for row in batch["target"])

    def measure(step, seconds):
        return {"tokens_per_second": rate_of_passes(step, seconds, len(task.batches), tokens)}

    return best, measure, lambda step: {"loss": step.first_loss}


def searcher(arguments, beam_size_of):
    task = Task(arguments.folder)
    choices = ({**kernels, "form": form} for form in ["cells", "lstm"] for kernels in kernel_choices(arguments))
    step_of = lambda settings: Search(task, settings, arguments.precision == "bf16", beam_size_of(task))  # noqa: E731
    best = fastest(choices, step_of, arguments.try_seconds)
    sentences = sum(len(batch["source"]) for batch in task.batches)

    def measure(step, seconds):
        return {"sentences_per_second": rate_of_passes(step, seconds, len(task.batches), sentences)}

    return best, measure, lambda step: {"translations": step.on(0)}


def main():
    contests = {
        "train": train,
        "beam": lambda arguments: searcher(arguments, lambda task: task.search["beamSize"]),
        "greedy": lambda arguments: searcher(arguments, lambda task: 1),
    }
    parser = make_parser(__doc__, list(contests))
    parser.add_argument("--folder", default=".", help="where the task and the weights are")
    serve(parser.parse_args(), contests)


if __name__ == "__main__":
    main()
