"""The benchmark's language model in PyTorch, the peer of `ours.mjs`; `runner.mjs` says how it is asked.

Embedding -> nn.LSTM -> linear -> softmax cross-entropy, gradients clipped by their global norm, Adam; the state is carried
from batch to batch, as ours does it.

    python pytorch_lm.py train --hidden 256 --batch 64 --steps 64 --precision bf16
    python pytorch_lm.py generate --hidden 512 --precision int8
    python pytorch_lm.py gemm --size 1024x1024x1024

Before it is ready it tries the ways this PyTorch offers to do the same work (threads, oneDNN or the plain kernels, layout;
one LSTM module, cells, or cells compiled by its tracer) and keeps the fastest, so that the peer runs at its best.
"""

import contextlib
import statistics

from pytorch_fastest import fastest, fastest_layout, kernel_choices, make_adam, make_parser, serve, times_of

import torch
from torch import nn


class LanguageModel(nn.Module):
    def __init__(self, symbols, hidden, layers, batch_first):
        super().__init__()
        self.embedding = nn.Embedding(symbols, hidden)
        self.lstm = nn.LSTM(hidden, hidden, layers, batch_first=batch_first)
        self.output = nn.Linear(hidden, symbols)

    def forward(self, ids, state):
        outputs, state = self.lstm(self.embedding(ids), state)
        return self.output(outputs), state


class CellModel(nn.Module):
    """The same for single steps, without nn.LSTM's machinery for sequences."""

    def __init__(self, symbols, hidden, layers):
        super().__init__()
        self.embedding = nn.Embedding(symbols, hidden)
        self.cells = nn.ModuleList(nn.LSTMCell(hidden, hidden) for _ in range(layers))
        self.output = nn.Linear(hidden, symbols)

    def forward(self, ids, h, c):
        x = self.embedding(ids)
        next_h, next_c = [], []
        for index, cell in enumerate(self.cells):
            x, cell_state = cell(x, (h[index], c[index]))
            next_h.append(x)
            next_c.append(cell_state)
        return self.output(x), torch.stack(next_h), torch.stack(next_c)


def contest(best, figures):
    """What `serve` wants, of a way whose steps are all alike: `figures` takes their times."""
    return best, lambda step, seconds: figures(times_of(step, seconds, 2)), lambda step: {}


def train_step_of(arguments, settings):
    """Builds the model and returns a function that runs one training step."""
    torch.manual_seed(1)
    batch_first = settings["layout"] == "batch_first"
    model = LanguageModel(arguments.symbols, arguments.hidden, arguments.layers, batch_first)
    parameters = list(model.parameters())
    adam = make_adam(parameters)
    shape = (arguments.batch, arguments.steps) if batch_first else (arguments.steps, arguments.batch)
    ids = torch.randint(arguments.symbols, shape)
    targets = torch.randint(arguments.symbols, shape).reshape(-1)
    zeros = torch.zeros(arguments.layers, arguments.batch, arguments.hidden)
    carried = [(zeros, zeros)]
    bf16 = arguments.precision == "bf16"

    def step():
        adam.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16) if bf16 else contextlib.nullcontext():
            logits, state = model(ids, carried[0])
            loss = nn.functional.cross_entropy(logits.reshape(-1, arguments.symbols).float(), targets)
        carried[0] = tuple(part.detach() for part in state)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        adam.step()

    return step


def train(arguments):
    def step_of(settings):
        return train_step_of(arguments, settings)

    best = fastest_layout(arguments, step_of)
    tokens = arguments.batch * arguments.steps
    return contest(best, lambda times: {"tokens_per_second": tokens / statistics.median(times)})


def quantized(model):
    from torch.ao.quantization import quantize_dynamic

    return quantize_dynamic(model, {nn.LSTM, nn.LSTMCell, nn.Linear}, dtype=torch.qint8)


def step_model_of(arguments, form):
    """A function that reads one id and gives the logits of the next, its state kept inside."""
    torch.manual_seed(1)
    if form == "lstm":
        model = LanguageModel(arguments.symbols, arguments.hidden, arguments.layers, False).eval()
    else:
        model = CellModel(arguments.symbols, arguments.hidden, arguments.layers).eval()
    kind = torch.bfloat16 if arguments.precision == "bf16" else torch.float32
    model = quantized(model) if arguments.precision == "int8" else model.to(kind)
    h = c = torch.zeros(arguments.layers, 1, arguments.hidden, dtype=kind)
    if form == "traced cells":
        model = torch.jit.freeze(torch.jit.trace(model, (torch.zeros(1, dtype=torch.long), h, c)))
    state = [h, c]

    def read(ids):
        if form == "lstm":
            logits, (state[0], state[1]) = model(ids.view(1, 1), (state[0], state[1]))
            return logits[0]
        logits, state[0], state[1] = model(ids, state[0], state[1])
        return logits

    return read


CHARACTERS = 32


def generate(arguments):
    """Characters per second of sampling with batch 1."""

    def generate_of(settings):
        read = step_model_of(arguments, settings["form"])
        last = [torch.zeros(1, dtype=torch.long)]

        def some():
            with torch.inference_mode():
                for _ in range(CHARACTERS):
                    last[0] = torch.multinomial(torch.softmax(read(last[0]).float(), -1), 1)[0]

        return some

    engines = [None]
    if arguments.precision == "int8":
        # x86 takes the better of fbgemm and oneDNN.
        known = torch.backends.quantized.supported_engines
        engines = ["x86"] if "x86" in known else [name for name in known if name != "none"]
    choices = (
        {**kernels, "form": form, **({"engine": engine} if engine else {})}
        for form in ["lstm", "cells", "traced cells"]
        for engine in engines
        for kernels in kernel_choices(arguments)
    )
    best = fastest(choices, generate_of, arguments.try_seconds)
    return contest(best, lambda times: {"characters_per_second": CHARACTERS / statistics.median(times)})


def gemm(arguments):
    """GFLOP/s of one matrix product of size m x k by k x n."""
    m, k, n = (int(size) for size in arguments.size.split("x"))
    left, right, out = torch.rand(m, k), torch.rand(k, n), torch.empty(m, n)
    if arguments.precision == "bf16":
        left, right, out = left.bfloat16(), right.bfloat16(), out.bfloat16()
    best = fastest(
        kernel_choices(arguments), lambda _: lambda: torch.mm(left, right, out=out), arguments.try_seconds
    )
    return contest(best, lambda times: {"gflops": 2 * m * k * n / statistics.median(times) / 1e9})


def main():
    parser = make_parser(__doc__, ["train", "generate", "gemm"])
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--symbols", type=int, default=65)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--size", default="1024x1024x1024", help="m x k x n of the product, for gemm")
    serve(parser.parse_args(), {"train": train, "generate": generate, "gemm": gemm})


if __name__ == "__main__":
    main()
