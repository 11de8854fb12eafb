"""Golden numbers of PyTorch for attention and for the softmax cross entropy with label smoothing.

Made with torch 2.15.0 (pip install torch). Run from the repository's root:

    python tools/golden/attention.py > packages/core/tests/golden/attention.json

Everything is computed in float64 from inputs of three decimals. The dot products come from scaled_dot_product_attention, whose
scale may be given; its weights from its own values when those are the identity.
"""

import json
import sys

import torch
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

torch.set_default_dtype(torch.float64)
torch.manual_seed(21)
B, T, S, H, C = 2, 3, 4, 5, 6
LENGTHS = [2, 4]


def draw(*shape, scale=1.0):
    return (torch.randn(*shape) * scale).mul(1000).round().div(1000)


def numbers(tensor):
    return {
        "shape": list(tensor.shape),
        "values": [float(f"{value:.8g}") for value in tensor.detach().reshape(-1).tolist()],
    }


def attend(query, keys, values, vector, scale, mask):
    """context and weights"""
    if vector is None:
        identity = torch.eye(S).expand(B, S, S)
        run = lambda v: scaled_dot_product_attention(query, keys, v, attn_mask=mask, scale=scale)
        return run(values), run(identity)
    scores = torch.tanh(query.unsqueeze(2) + keys.unsqueeze(1)) @ vector
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = torch.softmax(scores, -1)
    return torch.bmm(weights, values), weights


def attention(name, score, scale, masked):
    inputs = {"query": draw(B, T, H), "keys": draw(B, S, H), "values": draw(B, S, C)}
    if score == "additive":
        inputs["vector"] = draw(H)
    for tensor in inputs.values():
        tensor.requires_grad_()
    mask = (torch.arange(S) < torch.tensor(LENGTHS).reshape(B, 1, 1)).expand(B, T, S) if masked else None
    context, weights = attend(*[inputs.get(key) for key in ["query", "keys", "values", "vector"]], scale, mask)
    dcontext, dweights = draw(*context.shape), draw(*weights.shape)
    ((context * dcontext).sum() + (weights * dweights).sum()).backward()
    return {
        "name": name,
        "score": score,
        "scale": None if score == "additive" else scale,
        "lengths": LENGTHS if masked else None,
        "inputs": {key: numbers(tensor) for key, tensor in inputs.items()},
        "gradients": {key: numbers(tensor.grad) for key, tensor in inputs.items()},
        "context": numbers(context),
        "weights": numbers(weights),
        "dcontext": numbers(dcontext),
        "dweights": numbers(dweights),
    }


def smoothed(smoothing):
    logits = draw(4, 6, scale=3).requires_grad_()
    labels = [5, 0, -1, 3]
    losses = cross_entropy(
        logits, torch.tensor(labels), ignore_index=-1, reduction="none", label_smoothing=smoothing
    )
    dy = draw(4)
    (losses * dy).sum().backward()
    return {
        "smoothing": smoothing,
        "logits": numbers(logits),
        "labels": labels,
        "losses": numbers(losses),
        "dy": numbers(dy),
        "dlogits": numbers(logits.grad),
    }


def main():
    cases = []
    for masked in [False, True]:
        suffix = " with lengths" if masked else ""
        cases.append(attention(f"dot{suffix}", "dot", 1.0, masked))
        cases.append(attention(f"scaled dot{suffix}", "dot", H**-0.5, masked))
        cases.append(attention(f"additive{suffix}", "additive", 1.0, masked))
    golden = {
        "maker": f"torch {torch.__version__.split('+')[0]}",
        "attention": cases,
        "crossEntropy": [smoothed(0.1), smoothed(0.5)],
    }
    json.dump(golden, sys.stdout, separators=(",", ":"))
    print()


main()
