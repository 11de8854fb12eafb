"""How PyTorch's modules take the weights that Cadenza exports (`weightFiles.mjs`): kernels are [inputs, outputs], an LSTM has one bias."""

import json
import os

import torch


def read_floats(path, count):
    """A file of `count` float32 values."""
    return torch.from_file(path, size=count, dtype=torch.float32)


def read_weights(folder):
    """The exported weights under Cadenza's names."""
    with open(os.path.join(folder, "weights.json"), encoding="utf-8") as file:
        entries = json.load(file)
    sizes = [torch.Size(entry["shape"]).numel() for entry in entries]
    parts = read_floats(os.path.join(folder, "weights.f32"), sum(sizes)).split(sizes)
    return {entry["name"]: part.view(entry["shape"]) for entry, part in zip(entries, parts)}


@torch.no_grad()
def copy_lstm(weights, name, lstm, suffix="l0"):
    """One layer and direction, which PyTorch tells apart by a suffix; its second bias stays zero."""
    getattr(lstm, f"weight_ih_{suffix}").copy_(weights[f"{name}.kernel"].T)
    getattr(lstm, f"weight_hh_{suffix}").copy_(weights[f"{name}.recurrentKernel"].T)
    getattr(lstm, f"bias_ih_{suffix}").copy_(weights[f"{name}.bias"])
    getattr(lstm, f"bias_hh_{suffix}").zero_()


@torch.no_grad()
def copy_linear(weights, linear, kernel, bias=None):
    linear.weight.copy_(weights[kernel].T)
    if bias:
        linear.bias.copy_(weights[bias])
