"""Golden numbers of PyTorch for the consistency loss of R-Drop: losses and gradients of pairs of rows, and the gradients of CR-CTC, whose
targets are detached.

Made with torch 2.15.0 (pip install torch). Run from the repository's root:

    python tools/golden/consistency.py > packages/core/tests/golden/consistency.json

Everything is computed in float64 from logits of three decimals.
"""

import json
import sys

import torch
from torch.nn.functional import kl_div, log_softmax

torch.set_default_dtype(torch.float64)
torch.manual_seed(37)


def rounded(*shape, scale=1.0):
    return (torch.randn(*shape) * scale).mul(1000).round().div(1000)


def numbers(tensor):
    return [float(f"{value:.8g}") for value in tensor.detach().reshape(-1).tolist()]


def losses_of(logits, labels, fixed=False):
    p, q = log_softmax(logits, -1).chunk(2)
    target_of = (lambda rows: rows.detach()) if fixed else (lambda rows: rows)
    pairs = [(q, target_of(p)), (p, target_of(q))]
    divergence = sum(kl_div(log_input, target, reduction="none", log_target=True) for log_input, target in pairs)
    return divergence.sum(-1) / 2 * (torch.tensor(labels) != -1)


def case(name, labels, classes, scale=1.5, apart=None):
    """apart: how far the second pass's logits are from the first's; without it they are independent"""
    count = len(labels)
    logits = rounded(2 * count, classes, scale=scale)
    if apart is not None:
        logits[count:] = logits[:count] + rounded(count, classes, scale=apart)
    logits.requires_grad_()
    dy = rounded(count)
    losses = losses_of(logits, labels)
    dlogits, dlogits_fixed = [
        torch.autograd.grad((losses_of(logits, labels, fixed) * dy).sum(), logits)[0] for fixed in [False, True]
    ]
    return {
        "name": name,
        "shape": list(logits.shape),
        "logits": numbers(logits),
        "labels": labels,
        "dy": numbers(dy),
        "losses": numbers(losses),
        "dlogits": numbers(dlogits),
        "dlogitsFixed": numbers(dlogits_fixed),
    }


cases = [
    case("independent rows", [0, 3, 1], 5),
    case("rows that hardly differ", [2, 1], 9, apart=0.01),
    case("ignored labels", [-1, 4, -1, 0], 7),
    case("a single class", [0, 0], 1),
    case("logits far apart", [1, 2, 0], 11, scale=20.0),
]
json.dump({"maker": f"torch {torch.__version__.split('+')[0]}", "cases": cases}, sys.stdout, separators=(",", ":"))
