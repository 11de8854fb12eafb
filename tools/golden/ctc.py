"""Golden numbers of PyTorch for the CTC loss: losses and gradients of random rows and of the awkward ones.

Made with torch 2.15.0 (pip install torch). Run from the repository's root:

    python tools/golden/ctc.py > packages/core/tests/golden/ctc.json

Everything is computed in float64 from logits of three decimals.
"""

import json
import sys

import torch
from torch.nn.functional import ctc_loss, log_softmax

torch.set_default_dtype(torch.float64)
torch.manual_seed(31)


def numbers(tensor):
    # JSON has no infinity and no NaN: null stands for either, where the test knows which.
    return [
        float(f"{value:.8g}") if value == value and abs(value) != float("inf") else None
        for value in tensor.detach().reshape(-1).tolist()
    ]


def case(name, frames, classes, rows, frame_lengths, blank=0, zero_infinity=False, scale=1.5):
    """rows: the labels of each row"""
    batch, longest = len(rows), max(map(len, rows))
    logits = (torch.randn(batch, frames, classes) * scale).mul(1000).round().div(1000).requires_grad_()
    labels = torch.tensor([row + [-1] * (longest - len(row)) for row in rows]).reshape(batch, longest)
    dy = torch.randn(batch).mul(1000).round().div(1000)
    losses = ctc_loss(
        log_softmax(logits, -1).transpose(0, 1),
        labels.clamp(min=0),
        torch.tensor(frame_lengths),
        torch.tensor([len(row) for row in rows]),
        blank=blank,
        reduction="none",
        zero_infinity=zero_infinity,
    )
    (losses * dy).sum().backward()
    return {
        "name": name,
        "blank": blank,
        "zeroInfinity": zero_infinity,
        "shape": list(logits.shape),
        "logits": numbers(logits),
        "labels": labels.tolist(),
        "frameLengths": frame_lengths,
        "labelLengths": [len(row) for row in rows],
        "dy": numbers(dy),
        "losses": numbers(losses),
        "dlogits": numbers(logits.grad),
    }


cases = [
    case("labels of different lengths", 7, 5, [[1, 2, 3], [4], [2, 1]], [7, 5, 2]),
    case("repeated labels", 9, 4, [[1, 1, 1], [2, 2, 3, 3], [3, 1, 1, 3]], [9, 7, 8]),
    case("empty labels", 4, 3, [[], [1, 2], []], [4, 3, 1]),
    case("nothing but empty labels", 3, 4, [[], []], [3, 2]),
    case("a blank that is the last class", 6, 4, [[0, 1, 0], [2, 2]], [6, 4], blank=3),
    case("just enough frames", 5, 3, [[1, 1, 2, 1], [1, 2, 1, 2, 1]], [5, 5]),
    case("labels that cannot be aligned", 4, 3, [[1, 1, 1], [1, 2], [1, 2, 1]], [4, 4, 2], zero_infinity=True),
    case("labels that cannot be aligned, as infinity", 3, 3, [[1, 1, 2], [1, 2]], [3, 3]),
    case("logits far apart", 12, 6, [[1, 2, 2, 5], [3, 4]], [12, 10], scale=20.0),
]
json.dump({"maker": f"torch {torch.__version__.split('+')[0]}", "cases": cases}, sys.stdout, separators=(",", ":"))
