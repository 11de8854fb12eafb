"""Golden numbers of PyTorch for sequence-to-sequence models with attention: logits, losses and all gradients.

Made with torch 2.15.0 (pip install torch). Run from the repository's root:

    python tools/golden/sequence_to_sequence.py > packages/core/tests/golden/sequenceToSequence.json

The LSTMs are torch.nn.LSTM over packed sequences; attention, readout and bridge are written out here in the formulas of the papers
(Bahdanau, Cho and Bengio 2015; Luong, Pham and Manning 2015; See, Liu and Manning 2017), the inner products of several heads by
torch.nn.functional.scaled_dot_product_attention. Everything is computed in float64
from weights of three decimals, under Cadenza's names and in its layout.
"""

import json
import sys

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

torch.set_default_dtype(torch.float64)
SOURCE_VOCABULARY, TARGET_VOCABULARY, E, H_ENCODER, H, SMOOTHING = 7, 6, 3, 2, 4, 0.1
SOURCE = [[3, 4, 5, 6], [6, 3, 0, 0]]
SOURCE_LENGTHS = [4, 2]
INPUTS = [[1, 3, 4], [1, 5, 0]]
TARGETS = [[3, 4, 2], [5, 2, -1]]
TARGET_LENGTHS = [3, 2]

CASES = {
    "multiplicative, top": dict(score="multiplicative", attend="top", layers=1, encoder_layers=1),
    "additive, every layer, deep output": dict(score="additive", attend="every", layers=2, encoder_layers=1, deepOutput=True),
    "dot, top, tied, two layers each": dict(score="dot", attend="top", layers=2, encoder_layers=2, tied=True),
    "scaled dot, every layer, residual": dict(score="scaledDot", attend="every", layers=2, encoder_layers=2, residual=True),
    "multiplicative, input feeding": dict(score="multiplicative", attend="top", layers=2, encoder_layers=1, inputFeeding=True),
    "additive, coverage": dict(score="additive", attend="top", layers=1, encoder_layers=1, coverage=True),
    "without attention": dict(score="none", attend="top", layers=2, encoder_layers=1),
    "multiplicative, every layer, embeddings": dict(
        score="multiplicative", attend="every", layers=2, encoder_layers=1, attendEmbeddings=True
    ),
    "multiplicative, every layer, two heads": dict(score="multiplicative", attend="every", layers=2, encoder_layers=1, heads=2),
    "scaled dot, top, four heads": dict(score="scaledDot", attend="top", layers=1, encoder_layers=1, heads=4),
    "additive, two heads, coverage": dict(score="additive", attend="top", layers=1, encoder_layers=1, heads=2, coverage=True),
}


def make_weights(case, generator):
    weights = {}

    def draw(name, *shape):
        values = torch.randn(*shape, generator=generator).mul(500).round().div(1000)
        weights[name] = values.requires_grad_()

    memory = 2 * H_ENCODER
    draw("targetEmbedding", TARGET_VOCABULARY, E)
    draw("sourceEmbedding", SOURCE_VOCABULARY, E)
    for layer in range(case["encoder_layers"]):
        size = E if layer == 0 else memory
        for direction in ("forward", "backward"):
            prefix = f"encoder.layers.{layer}.{direction}"
            draw(f"{prefix}.kernel", size, 4 * H_ENCODER)
            draw(f"{prefix}.recurrentKernel", H_ENCODER, 4 * H_ENCODER)
            draw(f"{prefix}.bias", 4 * H_ENCODER)
    for layer in range(case["encoder_layers"]):
        for state in ("hidden", "cell"):
            draw(f"encoder.bridge.{layer}.{state}Kernel", memory, H)
            draw(f"encoder.bridge.{layer}.{state}Bias", H)
    memory += E if case.get("attendEmbeddings") else 0
    several = case.get("heads", 1) > 1
    found = H if several else memory
    attending = [] if case["score"] == "none" else range(case["layers"]) if case["attend"] == "every" else [case["layers"] - 1]
    readout = E if case.get("tied") else H
    for layer in range(case["layers"]):
        below = E + (readout if case.get("inputFeeding") else 0) if layer == 0 else H + (found if layer - 1 in attending else 0)
        draw(f"decoder.layers.{layer}.kernel", below, 4 * H)
        draw(f"decoder.layers.{layer}.recurrentKernel", H, 4 * H)
        draw(f"decoder.layers.{layer}.bias", 4 * H)
        if layer in attending:
            prefix = f"decoder.attention.{layer}"
            if several or case["score"] in ("additive", "multiplicative"):
                draw(f"{prefix}.keyKernel", memory, H)
            if several:
                draw(f"{prefix}.valueKernel", memory, H)
            if several or case["score"] == "additive":
                draw(f"{prefix}.queryKernel", H, H)
            if case["score"] == "additive":
                draw(f"{prefix}.bias", H)
                draw(f"{prefix}.vector", H)
            if case.get("coverage"):
                draw(f"{prefix}.coverage", H)
    context = found if attending else 0
    draw("decoder.readout.kernel", H + context + (E if case.get("deepOutput") else 0), readout)
    draw("decoder.readout.bias", readout)
    if not case.get("tied"):
        draw("decoder.output.kernel", readout, TARGET_VOCABULARY)
    draw("decoder.output.bias", TARGET_VOCABULARY)
    return weights, list(attending)


def lstm(weights, prefix, x, state=None, lengths=None, directions=("",)):
    """torch.nn.LSTM of one layer, of the given directions, with the weights put in by functional call."""
    kernel = weights[f"{prefix}{directions[0]}.kernel"]
    units = kernel.shape[1] // 4
    module = nn.LSTM(kernel.shape[0], units, batch_first=True, bidirectional=len(directions) == 2)
    parameters = {}
    for suffix, direction in zip(("", "_reverse"), directions):
        parameters[f"weight_ih_l0{suffix}"] = weights[f"{prefix}{direction}.kernel"].T
        parameters[f"weight_hh_l0{suffix}"] = weights[f"{prefix}{direction}.recurrentKernel"].T
        parameters[f"bias_ih_l0{suffix}"] = weights[f"{prefix}{direction}.bias"]
        parameters[f"bias_hh_l0{suffix}"] = torch.zeros(4 * units)
    if lengths is None:
        arguments = (x,) if state is None else (x, state)
        return torch.func.functional_call(module, parameters, arguments)
    packed = pack_padded_sequence(x, lengths, batch_first=True)
    outputs, final = torch.func.functional_call(module, parameters, (packed,))
    return pad_packed_sequence(outputs, batch_first=True)[0], final


def encode(weights, case):
    embedded = x = weights["sourceEmbedding"][torch.tensor(SOURCE)]
    states = []
    for layer in range(case["encoder_layers"]):
        x, (h, c) = lstm(weights, f"encoder.layers.{layer}", x, lengths=SOURCE_LENGTHS, directions=(".forward", ".backward"))
        prefix = f"encoder.bridge.{layer}"
        joined_h, joined_c = torch.cat([h[0], h[1]], 1), torch.cat([c[0], c[1]], 1)
        states.append(
            (
                torch.tanh(joined_h @ weights[f"{prefix}.hiddenKernel"] + weights[f"{prefix}.hiddenBias"]),
                joined_c @ weights[f"{prefix}.cellKernel"] + weights[f"{prefix}.cellBias"],
            )
        )
    return torch.cat([x, embedded], 2) if case.get("attendEmbeddings") else x, states


def attend_heads(weights, case, layer, query, memory, covered):
    """As attend, but the context is [B, H] and the weights are the mean of the heads."""
    prefix = f"decoder.attention.{layer}"
    kernel = lambda name: weights[f"{prefix}.{name}"]
    keys = memory @ kernel("keyKernel")
    if case.get("coverage"):
        keys = keys + covered[:, :, None] * kernel("coverage")
    if case["score"] == "additive":
        keys = keys + kernel("bias")
    split = lambda x: x.unflatten(-1, (case["heads"], -1)).movedim(-2, 1)  # [B, S, H] -> [B, N, S, H / N]
    q, k, v = split((query @ kernel("queryKernel"))[:, None]), split(keys), split(memory @ kernel("valueKernel"))
    valid = (torch.arange(memory.shape[1])[None] < torch.tensor(SOURCE_LENGTHS)[:, None])[:, None, None]  # [B, 1, 1, S]
    if case["score"] == "additive":
        vector = kernel("vector").unflatten(0, (case["heads"], 1, -1))  # [N, 1, H / N]
        energy = (torch.tanh(q + k) * vector).sum(-1)[:, :, None]  # [B, N, 1, S]
        alpha = torch.softmax(energy.masked_fill(~valid, -torch.inf), -1)
        context = alpha @ v
    else:
        scale = 1 if case["score"] == "multiplicative" else (case["heads"] / H) ** 0.5
        found = lambda x: nn.functional.scaled_dot_product_attention(q, k, x, attn_mask=valid, scale=scale)
        identity = torch.eye(memory.shape[1]).expand(*k.shape[:3], -1)
        context, alpha = found(v), found(identity)
    return context.movedim(1, 2).flatten(1), alpha.mean(1)[:, 0]


def attend(weights, case, layer, query, memory, covered):
    """query [B, H], memory [B, S, C] -> context [B, C], weights [B, S]"""
    if case.get("heads", 1) > 1:
        return attend_heads(weights, case, layer, query, memory, covered)
    prefix = f"decoder.attention.{layer}"
    keys = memory @ weights[f"{prefix}.keyKernel"] if case["score"] in ("additive", "multiplicative") else memory
    if case.get("coverage"):
        keys = keys + covered[:, :, None] * weights[f"{prefix}.coverage"]
    if case["score"] == "additive":
        hidden = torch.tanh((query @ weights[f"{prefix}.queryKernel"])[:, None] + keys + weights[f"{prefix}.bias"])
        energy = hidden @ weights[f"{prefix}.vector"]
    else:
        energy = (keys * query[:, None]).sum(-1)
        if case["score"] == "scaledDot":
            energy = energy / query.shape[1] ** 0.5
    valid = torch.arange(memory.shape[1])[None] < torch.tensor(SOURCE_LENGTHS)[:, None]
    alpha = torch.softmax(energy.masked_fill(~valid, -torch.inf), 1)
    return (alpha[:, :, None] * memory).sum(1), alpha


def decode(weights, case, attending, memory, states):
    """Step by step, whatever the case: the plainest form."""
    layers = case["layers"]
    offset = max(0, len(states) - layers)
    state = [states[min(layer + offset, len(states) - 1)] for layer in range(layers)]
    readout_size = E if case.get("tied") else H
    fed = torch.zeros(len(SOURCE), readout_size)
    covered = {layer: torch.zeros(memory.shape[:2]) for layer in attending}
    logits, alphas, overlaps = [], [], []
    for t in range(len(INPUTS[0])):
        embedded = weights["targetEmbedding"][torch.tensor([row[t] for row in INPUTS])]
        below = torch.cat([embedded, fed], 1) if case.get("inputFeeding") else embedded
        hidden, context, overlap = None, None, 0
        for layer in range(layers):
            if layer > 0:
                below = hidden if context is None else torch.cat([hidden, context], 1)
            h, c = state[layer]
            outputs, (h, c) = lstm(weights, f"decoder.layers.{layer}", below[:, None], (h[None], c[None]))
            state[layer] = (h[0], c[0])
            output = outputs[:, 0]
            hidden = output + hidden if case.get("residual") and layer > 0 else output
            if layer in attending:
                context, alpha = attend(weights, case, layer, hidden, memory, covered[layer])
                overlap = overlap + torch.minimum(alpha, covered[layer]).sum(1)
                covered[layer] = covered[layer] + alpha
        parts = [hidden] + ([context] if context is not None else []) + ([embedded] if case.get("deepOutput") else [])
        fed = torch.tanh(torch.cat(parts, 1) @ weights["decoder.readout.kernel"] + weights["decoder.readout.bias"])
        kernel = weights["targetEmbedding"].T if case.get("tied") else weights["decoder.output.kernel"]
        logits.append(fed @ kernel + weights["decoder.output.bias"])
        overlaps.append(overlap if torch.is_tensor(overlap) else torch.zeros(len(SOURCE)))
        if attending:
            alphas.append(alpha)
    return torch.stack(logits, 1), torch.stack(alphas, 1) if attending else None, torch.stack(overlaps, 1)


def numbers(tensor):
    values = [float(f"{value:.8g}") for value in tensor.detach().reshape(-1).tolist()]
    return {"shape": list(tensor.shape), "values": values}


def run(case, generator):
    weights, attending = make_weights(case, generator)
    memory, states = encode(weights, case)
    logits, alphas, overlaps = decode(weights, case, attending, memory, states)
    targets = torch.tensor(TARGETS)
    loss = nn.functional.cross_entropy(
        logits.reshape(-1, TARGET_VOCABULARY), targets.reshape(-1), ignore_index=-1, label_smoothing=SMOOTHING
    )
    if case.get("coverage"):
        loss = loss + 0.5 * overlaps[targets >= 0].mean()
    loss.backward()
    valid = targets >= 0
    return {
        "options": {key: value for key, value in case.items()},
        "weights": {name: numbers(value) for name, value in weights.items()},
        "logits": numbers(logits[valid]),
        "attention": numbers(alphas[valid]) if alphas is not None else None,
        "loss": float(loss.detach()),
        "gradients": {name: numbers(value.grad if value.grad is not None else torch.zeros_like(value)) for name, value in weights.items()},
    }


generator = torch.Generator().manual_seed(11)
json.dump(
    {
        "sizes": {
            "sourceVocabulary": SOURCE_VOCABULARY,
            "targetVocabulary": TARGET_VOCABULARY,
            "embedding": E,
            "encoderUnits": H_ENCODER,
            "decoderUnits": H,
        },
        "batch": {
            "source": SOURCE,
            "sourceLengths": SOURCE_LENGTHS,
            "inputs": INPUTS,
            "targets": TARGETS,
            "targetLengths": TARGET_LENGTHS,
        },
        "smoothing": SMOOTHING,
        "coverageLoss": 0.5,
        "cases": {name: run(case, generator) for name, case in CASES.items()},
    },
    sys.stdout,
)
sys.stdout.write("\n")
