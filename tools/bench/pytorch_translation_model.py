"""The benchmark's translation model in PyTorch, and how it takes the weights that `oursTranslation.mjs` exports."""

from pytorch_weights import copy_linear, copy_lstm

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class TranslationModel(nn.Module):
    """Shapes: B batch, S source time, T target time, E embedding, H decoder, C memory, V target vocabulary; R rows of one step."""

    def __init__(self, model, batch_first=True, cells=False):
        super().__init__()
        E, H, C = model["embeddingSize"], model["decoder"]["units"], 2 * model["encoder"]["units"]
        V, layers = model["targetVocabularySize"], range(model["decoder"]["layers"])
        self.batch_first, self.cells = batch_first, cells
        self.source_embedding = nn.Embedding(model["sourceVocabularySize"], E)
        self.target_embedding = nn.Embedding(V, E)
        self.encoder = nn.LSTM(E, C // 2, bidirectional=True, batch_first=True)
        self.bridge_hidden, self.bridge_cell = nn.Linear(C, H), nn.Linear(C, H)
        sizes = [E if layer == 0 else H + C for layer in layers]
        self.layers = nn.ModuleList(nn.LSTM(size, H, batch_first=batch_first) for size in sizes)
        self.keys = nn.ModuleList(nn.Linear(C, H, bias=False) for _ in layers)
        self.readout = nn.Linear(H + C, E)
        self.output_bias = nn.Parameter(torch.zeros(V))
        rates = model["dropout"]
        self.drop = nn.ModuleDict({place: nn.Dropout(rate) for place, rate in rates.items()})

    def encode(self, source, lengths):
        """source [B, S] to (mask [B, 1, S], memory [B, S, C], keys [B, S, H] of each layer), and the first states [B, H]."""
        features = self.drop["input"](self.source_embedding(source))
        packed = pack_padded_sequence(features, lengths, batch_first=True, enforce_sorted=False)
        outputs, (h, c) = self.encoder(packed)
        memory, _ = pad_packed_sequence(outputs, batch_first=True, total_length=source.shape[1])
        memory = self.drop["context"](memory)
        mask = (torch.arange(source.shape[1]) >= lengths[:, None])[:, None]
        state = torch.tanh(self.bridge_hidden(torch.cat([h[0], h[1]], 1))), self.bridge_cell(torch.cat([c[0], c[1]], 1))
        return (mask, memory, [keys(memory) for keys in self.keys]), [state for _ in self.layers]

    def attend(self, query, layer, memory):
        """query [B, T, H] to the context [B, T, C]"""
        mask, values, keys = memory
        energies = torch.bmm(query, keys[layer].transpose(1, 2)).masked_fill(mask, float("-inf"))  # [B, T, S]
        return torch.bmm(torch.softmax(energies, -1).to(values.dtype), values)

    def forward(self, source, lengths, inputs):
        """The logits [B, T, V] of whole targets, inputs [B, T]."""
        memory, states = self.encode(source, lengths)
        below = self.drop["input"](self.target_embedding(inputs))
        for layer, (lstm, (h, c)) in enumerate(zip(self.layers, states)):
            x = below if self.batch_first else below.transpose(0, 1)
            hidden, _ = lstm(x, (h[None], c[None]))
            hidden = hidden if self.batch_first else hidden.transpose(0, 1)
            joined = torch.cat([hidden, self.attend(hidden, layer, memory)], -1)
            below = self.drop["between"](joined) if layer + 1 < len(self.layers) else joined
        return self.logits(self.drop["output"](torch.tanh(self.readout(below))))

    def logits(self, readouts):
        return nn.functional.linear(readouts, self.target_embedding.weight, self.output_bias)

    def step(self, ids, states, memory):
        """One step, ids [R], R = B K: the hypotheses of a sentence are K queries to its memory. Gives logits [R, V] and next states."""
        below, following = self.target_embedding(ids), []
        for layer, state in enumerate(states):
            h, c = self.advance(layer, below, state)
            following.append((h, c))
            queries = h.view(memory[1].shape[0], -1, h.shape[1])  # [B, K, H]
            below = torch.cat([h, self.attend(queries, layer, memory).reshape(h.shape[0], -1)], 1)
        return self.logits(torch.tanh(self.readout(below))), following

    def advance(self, layer, x, state):
        lstm = self.layers[layer]
        if self.cells:
            return torch.lstm_cell(x, state, lstm.weight_ih_l0, lstm.weight_hh_l0, lstm.bias_ih_l0, lstm.bias_hh_l0)
        _, (h, c) = lstm(x[:, None] if self.batch_first else x[None], tuple(part[None] for part in state))
        return h[0], c[0]


@torch.no_grad()
def load(model, weights):
    """Copies the weights."""
    model.source_embedding.weight.copy_(weights["sourceEmbedding"])
    model.target_embedding.weight.copy_(weights["targetEmbedding"])
    copy_lstm(weights, "encoder.layers.0.forward", model.encoder)
    copy_lstm(weights, "encoder.layers.0.backward", model.encoder, "l0_reverse")
    copy_linear(weights, model.bridge_hidden, "encoder.bridge.0.hiddenKernel", "encoder.bridge.0.hiddenBias")
    copy_linear(weights, model.bridge_cell, "encoder.bridge.0.cellKernel", "encoder.bridge.0.cellBias")
    for layer, (lstm, keys) in enumerate(zip(model.layers, model.keys)):
        copy_lstm(weights, f"decoder.layers.{layer}", lstm)
        copy_linear(weights, keys, f"decoder.attention.{layer}.keyKernel")
    copy_linear(weights, model.readout, "decoder.readout.kernel", "decoder.readout.bias")
    model.output_bias.copy_(weights["decoder.output.bias"])
