"""Golden numbers of PyTorch for the recurrent operations, the softmax cross entropy and Adam.

Made with torch 2.15.0 (pip install torch). Run from the repository's root:

    python tools/golden/recurrent.py > packages/core/tests/golden/recurrent.json

Everything is computed in float64 from inputs of three decimals. Weights and gradients are written in Cadenza's layout: kernels
[input, gates * H], gates of the GRU in the order z r n, one bias where PyTorch's two only ever appear as a sum.
"""

import json
import sys

import torch

torch.set_default_dtype(torch.float64)
torch.manual_seed(20)
B, T, D, H, P = 2, 3, 4, 5, 3
LENGTHS = [2, 3]


def draw(*shape, scale=1.0):
    return (torch.randn(*shape) * scale).mul(1000).round().div(1000)


def numbers(tensor):
    return {
        "shape": list(tensor.shape),
        "values": [float(f"{value:.8g}") for value in tensor.detach().reshape(-1).tolist()],
    }


def kernel(weight, gates):
    """[gates * H, input] -> [input, gates * H], with the gates reordered."""
    blocks = weight.chunk(len(gates), 0)
    return torch.cat([blocks[g] for g in gates], 0).T


def bias(vector, gates):
    blocks = vector.chunk(len(gates), 0)
    return torch.cat([blocks[g] for g in gates], 0)


def direction(module, kind, suffix, gradient):
    """The weights of one direction, or their gradients, in Cadenza's layout."""
    gates = {"LSTM": [0, 1, 2, 3], "GRU": [1, 0, 2], "RNN": [0]}[kind]

    def get(name):
        parameter = getattr(module, f"{name}_l0{suffix}")
        return parameter.grad if gradient else parameter

    out = {"kernel": kernel(get("weight_ih"), gates), "recurrentKernel": kernel(get("weight_hh"), gates)}
    input_bias, recurrent_bias = bias(get("bias_ih"), gates), bias(get("bias_hh"), gates)
    if kind == "GRU":
        out["bias"] = torch.stack([input_bias, recurrent_bias])
    else:
        # The two biases are one parameter here: their sum, whose gradient is that of either.
        out["bias"] = input_bias if gradient else input_bias + recurrent_bias
    if kind == "LSTM" and module.proj_size:
        out["projection"] = get("weight_hr").T
    return out


def recurrent(name, kind, packed, **options):
    directions = 2
    module = getattr(torch.nn, kind)(D, H, batch_first=True, bidirectional=True, **options)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(draw(*parameter.shape, scale=0.4))
    size = options.get("proj_size", 0) or H
    x = draw(B, T, D).requires_grad_()
    states = [draw(directions, B, size).requires_grad_()]
    if kind == "LSTM":
        states.append(draw(directions, B, H).requires_grad_())
    given = x
    if packed:
        given = torch.nn.utils.rnn.pack_padded_sequence(x, torch.tensor(LENGTHS), batch_first=True, enforce_sorted=False)
    y, last = module(given, tuple(states) if kind == "LSTM" else states[0])
    if packed:
        y, _ = torch.nn.utils.rnn.pad_packed_sequence(y, batch_first=True, total_length=T)
    finals = list(last) if kind == "LSTM" else [last]
    weights = [draw(*tensor.shape) for tensor in [y, *finals]]
    sum((tensor * weight).sum() for tensor, weight in zip([y, *finals], weights)).backward()

    case = {
        "name": name,
        "kind": kind,
        "lengths": LENGTHS if packed else None,
        "activation": options.get("nonlinearity"),
        "x": numbers(x),
        "dx": numbers(x.grad),
        "dy": numbers(weights[0]),
        "y": numbers(y),
        "directions": [],
    }
    for index, suffix in enumerate(["", "_reverse"]):
        letters = ["h", "c"][: len(states)]
        entry = {}
        for letter, state, final, weight in zip(letters, states, finals, weights[1:]):
            entry[f"{letter}0"] = numbers(state[index])
            entry[f"d{letter}0"] = numbers(state.grad[index])
            entry[letter] = numbers(final[index])
            entry[f"d{letter}"] = numbers(weight[index])
        for key, value in direction(module, kind, suffix, False).items():
            entry[key] = numbers(value)
        for key, value in direction(module, kind, suffix, True).items():
            entry[f"d{key}"] = numbers(value)
        case["directions"].append(entry)
    return case


def cross_entropy():
    logits = draw(4, 6, scale=3).requires_grad_()
    labels = [5, 0, -1, 3]
    losses = torch.nn.functional.cross_entropy(logits, torch.tensor(labels), ignore_index=-1, reduction="none")
    dy = draw(4)
    (losses * dy).sum().backward()
    return {
        "logits": numbers(logits),
        "labels": labels,
        "losses": numbers(losses),
        "dy": numbers(dy),
        "dlogits": numbers(logits.grad),
    }


def adam(name, optimizer, weight_decay):
    parameter = torch.nn.Parameter(draw(6))
    start = numbers(parameter)
    options = {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": weight_decay}
    made = optimizer([parameter], **options)
    gradients, steps = [], []
    for _ in range(5):
        parameter.grad = draw(6)
        gradients.append(numbers(parameter.grad))
        made.step()
        steps.append(numbers(parameter))
    state = made.state[parameter]
    return {
        "name": name,
        "learningRate": options["lr"],
        "beta1": 0.8,
        "beta2": 0.95,
        "epsilon": 1e-6,
        "weightDecay": weight_decay,
        "start": start,
        "gradients": gradients,
        "steps": steps,
        "m": numbers(state["exp_avg"]),
        "v": numbers(state["exp_avg_sq"]),
    }


def main():
    cases = []
    for packed in [False, True]:
        suffix = " packed" if packed else ""
        cases.append(recurrent(f"RNN tanh{suffix}", "RNN", packed, nonlinearity="tanh"))
        cases.append(recurrent(f"RNN relu{suffix}", "RNN", packed, nonlinearity="relu"))
        cases.append(recurrent(f"LSTM{suffix}", "LSTM", packed))
        cases.append(recurrent(f"LSTM projected{suffix}", "LSTM", packed, proj_size=P))
        cases.append(recurrent(f"GRU{suffix}", "GRU", packed))
    golden = {
        "maker": f"torch {torch.__version__.split('+')[0]}",
        "recurrent": cases,
        "crossEntropy": cross_entropy(),
        "adam": [adam("Adam", torch.optim.Adam, 0.0), adam("AdamW", torch.optim.AdamW, 0.1)],
    }
    json.dump(golden, sys.stdout, separators=(",", ":"))
    print()


main()
