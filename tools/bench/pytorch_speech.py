"""The benchmark's acoustic model and its loss in PyTorch, the peer of `oursSpeech.mjs`; `runner.mjs` says how it is asked.

Bidirectional layers of nn.LSTM over packed sequences, a linear layer over their frames, log_softmax, ctc_loss; gradients clipped by
their global norm, AdamW.

    python pytorch_speech.py train --folder FOLDER --precision bf16
    python pytorch_speech.py ctc --folder FOLDER

FOLDER holds the task and the weights that all start from. Before it is ready it tries the ways this PyTorch offers to do the same
work (threads, oneDNN or the plain kernels; packed sequences, or padded ones whose rows are turned around for the backward direction)
and keeps the fastest.
"""

import json
import os
import statistics

from pytorch_fastest import fastest, kernel_choices, make_parser, serve, times_of
from pytorch_training import TrainStep, precision_of, rate_of_passes
from pytorch_weights import copy_linear, copy_lstm, read_floats, read_weights

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence, pad_sequence


class AcousticModel(nn.Module):
    """Shapes: B batch, F frames, D features, H units, V classes. Packed, one nn.LSTM; padded, one for each layer and direction."""

    def __init__(self, model, weights, packed):
        super().__init__()
        D, H, layers, rates = model["featureSize"], model["hiddenSize"], model["layers"], model["dropout"]
        self.packed = packed
        self.drop = nn.ModuleDict({place: nn.Dropout(rate) for place, rate in rates.items()})
        self.output = nn.Linear(2 * H, model["classes"])
        copy_linear(weights, self.output, "output.kernel", "output.bias")
        if packed:
            self.lstm = nn.LSTM(D, H, layers, bidirectional=True, dropout=rates["between"])
        else:
            self.directions = nn.ModuleList(nn.LSTM(2 * H if i > 1 else D, H) for i in range(2 * layers))
        for layer in range(layers):
            for index, (direction, suffix) in enumerate([("forward", ""), ("backward", "_reverse")]):
                lstm = self.lstm if packed else self.directions[2 * layer + index]
                copy_lstm(weights, f"layers.{layer}.{direction}", lstm, f"l{layer}{suffix}" if packed else "l0")

    def forward(self, features, lengths, turned):
        """features [F, B, D], the longest row first, and where each row's frames are when it is turned around, [F, B], to logits [F, B, V]"""
        if self.packed:
            packed = pack_padded_sequence(features, lengths)
            dropped = PackedSequence(self.drop["input"](packed.data), packed.batch_sizes)
            outputs, _ = self.lstm(dropped)
            logits = self.output(self.drop["output"](outputs.data))
            return pad_packed_sequence(PackedSequence(logits, packed.batch_sizes))[0]
        x = self.drop["input"](features)
        for layer in range(0, len(self.directions), 2):
            x = self.drop["between"](x) if layer > 0 else x
            forward, backward = self.directions[layer : layer + 2]
            x = torch.cat([forward(x)[0], turn(backward(turn(x, turned))[0], turned)], -1)
        return self.output(self.drop["output"](x))


def turn(x, turned):
    return x.gather(0, turned[:, :, None].expand(-1, -1, x.shape[2]))


def ctc_losses(logits, labels, frame_lengths, label_lengths):
    """logits [F, B, V], labels [B, L] to losses [B] in nats"""
    scores = logits.float().log_softmax(-1)
    return nn.functional.ctc_loss(scores, labels, frame_lengths, label_lengths, reduction="none", zero_infinity=True)


class Recordings:
    """A batch: frames [F, B, D], and what was said in them."""

    def __init__(self, batch, values, dimension):
        rows = values.split([frames * dimension for frames in batch["frames"]])
        self.values = pad_sequence([row.view(-1, dimension) for row in rows])
        self.lengths = torch.tensor(batch["frames"])
        self.labels = pad_sequence([torch.tensor(labels) for labels in batch["labels"]], batch_first=True)
        self.label_lengths = torch.tensor([len(labels) for labels in batch["labels"]])
        places = torch.arange(len(self.values))[:, None]
        self.turned = torch.where(places < self.lengths, self.lengths - 1 - places, places)

    def losses_of(self, logits):
        return ctc_losses(logits, self.labels, self.lengths, self.label_lengths)


def read_recordings(path, batches, dimension):
    sizes = [sum(batch["frames"]) * dimension for batch in batches]
    parts = read_floats(path, sum(sizes)).split(sizes)
    return [Recordings(batch, part, dimension) for batch, part in zip(batches, parts)]


def read_task(arguments):
    with open(os.path.join(arguments.folder, "task.json"), encoding="utf-8") as file:
        return json.load(file)


def train(arguments):
    task, weights = read_task(arguments), read_weights(arguments.folder)
    path = os.path.join(arguments.folder, "features.f32")
    batches = read_recordings(path, task["batches"], task["model"]["featureSize"])

    def loss_of(index, model):
        batch = batches[index]
        with precision_of(arguments.precision == "bf16"):
            logits = model(batch.values, batch.lengths, batch.turned)
        return batch.losses_of(logits).mean()

    def step_of(settings):
        torch.manual_seed(1)
        model = AcousticModel(task["model"], weights, settings["form"] == "packed")
        return TrainStep(model, loss_of, task["training"], len(batches) // 2)

    choices = ({**kernels, "form": form} for form in ["packed", "padded"] for kernels in kernel_choices(arguments))
    best = fastest(choices, step_of, arguments.try_seconds)
    frames = sum(sum(batch["frames"]) for batch in task["batches"])

    def measure(step, seconds):
        return {"frames_per_second": rate_of_passes(step, seconds, len(batches), frames)}

    return best, measure, lambda step: {"loss": step.first_loss}


class Alignment:
    """Called, computes the losses of drawn logits and the gradients of their sum."""

    def __init__(self, recordings):
        self.recordings = recordings
        self.logits = recordings.values.clone().requires_grad_()

    def __call__(self):
        self.logits.grad = None
        losses = self.recordings.losses_of(self.logits)
        losses.sum().backward()
        return losses

    def compared(self):
        losses = self().tolist()
        return {"losses": losses, "gradients": self.logits.grad.abs().sum([0, 2]).tolist()}


def ctc(arguments):
    alignment = read_task(arguments)["alignment"]
    path = os.path.join(arguments.folder, "logits.f32")
    [recordings] = read_recordings(path, [alignment], alignment["symbols"])
    best = fastest(kernel_choices(arguments), lambda _: Alignment(recordings), arguments.try_seconds)

    def measure(step, seconds):
        return {"losses_per_second": len(alignment["frames"]) / statistics.median(times_of(step, seconds, 3))}

    return best, measure, lambda step: step.compared()


def main():
    contests = {"train": train, "ctc": ctc}
    parser = make_parser(__doc__, list(contests))
    parser.add_argument("--folder", default=".", help="where the task and the weights are")
    serve(parser.parse_args(), contests)


if __name__ == "__main__":
    main()
