"""Golden numbers of PyTorch for word-level knowledge distillation: losses and gradients against labels and teachers mixed.

Made with torch 2.15.0 (pip install torch). Run from the repository's root:

    python tools/golden/distillation.py > packages/core/tests/golden/distillation.json

Everything is computed in float64 from logits of three decimals. The target distribution is made as a whole and given to PyTorch's
cross_entropy, which smooths it.
"""

import json
import sys

import torch
from torch.nn.functional import cross_entropy, one_hot

torch.set_default_dtype(torch.float64)
torch.manual_seed(41)


def rounded(*shape, scale=1.0):
    return (torch.randn(*shape) * scale).mul(1000).round().div(1000)


def numbers(tensor):
    return [float(f"{value:.8g}") for value in tensor.detach().reshape(-1).tolist()]


def case(name, shape, classes, kept, weight, smoothing, teachers=1, ignored=()):
    """shape: batch and time; kept: how many classes of the teachers' average are learned from"""
    count = shape[0] * shape[1]
    logits = rounded(count, classes).requires_grad_()
    said = rounded(teachers, count, classes, scale=2.0)
    best = said.softmax(-1).mean(0).topk(kept)
    probabilities = best.values / best.values.sum(-1, keepdim=True)
    labels = torch.randint(classes, (count,))
    taught = torch.zeros(count, classes).scatter(-1, best.indices, probabilities)
    mixed = (1 - weight) * one_hot(labels, classes) + weight * taught
    losses = cross_entropy(logits, mixed, reduction="none", label_smoothing=smoothing)
    counted = torch.tensor([n not in ignored for n in range(count)])
    loss = (losses * counted).sum() / counted.sum()
    loss.backward()
    return {
        "name": name,
        "shape": [*shape, classes],
        "kept": kept,
        "weight": weight,
        "smoothing": smoothing,
        "logits": numbers(logits),
        "labels": [label if keep else -1 for label, keep in zip(labels.tolist(), counted.tolist())],
        "teachers": [numbers(one) for one in said],
        "ids": best.indices.reshape(-1).tolist(),
        "probabilities": numbers(probabilities),
        "loss": float(f"{loss.item():.8g}"),
        "dlogits": numbers(logits.grad),
    }


cases = [
    case("one teacher", (2, 3), 7, 3, 0.5, 0.0),
    case("three teachers and smoothed labels", (2, 3), 9, 4, 0.7, 0.1, teachers=3),
    case("the teachers alone", (1, 4), 5, 5, 1.0, 0.1, teachers=2),
    case("tokens that do not count", (3, 2), 6, 2, 0.4, 0.2, ignored=(1, 4)),
]
json.dump({"maker": f"torch {torch.__version__.split('+')[0]}", "cases": cases}, sys.stdout, separators=(",", ":"))
