"""One training or generation measurement of the benchmark's language model in PyTorch.

The peer of `tools/scripts/bench.mjs`: embedding -> nn.LSTM -> linear -> softmax cross-entropy, gradients clipped by
their global norm, Adam. The state is carried from batch to batch, as ours does it. Prints one JSON object.

    python pytorch_lm.py train --hidden 256 --batch 64 --steps 64 --seconds 3
    python pytorch_lm.py train --hidden 256 --batch 64 --steps 64 --seconds 1
    python pytorch_lm.py generate --hidden 512 --seconds 3

Without `--settings`, every way this PyTorch offers to run the same step is measured (threads, oneDNN or the plain
kernels, batch or time first) and the fastest is printed, so that the peer runs at its best.
"""

import argparse
import ctypes
import contextlib
import itertools
import json
import statistics
import time

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


def open_blas():
    """OpenBLAS, when this PyTorch multiplies with it: it has threads of its own. Otherwise None."""
    if torch.backends.mkl.is_available():
        return None
    try:
        library = ctypes.CDLL("libopenblas.so.0")
        library.openblas_set_num_threads(1)
        return library
    except (OSError, AttributeError):
        return None


OPEN_BLAS = open_blas()


def set_threads(settings):
    torch.set_num_threads(settings["threads"])
    if OPEN_BLAS:
        OPEN_BLAS.openblas_set_num_threads(settings.get("blas_threads", settings["threads"]))


def thread_choices(arguments):
    for threads in [arguments.threads] if arguments.threads else [1, 2]:
        for blas_threads in [1, 2] if OPEN_BLAS and not arguments.threads else [threads]:
            yield {"threads": threads, "blas_threads": blas_threads} if OPEN_BLAS else {"threads": threads}


def make_adam(parameters):
    try:
        return torch.optim.Adam(parameters, lr=2e-3, fused=True)
    except (RuntimeError, TypeError):  # older versions have no fused Adam on the CPU
        return torch.optim.Adam(parameters, lr=2e-3, foreach=True)


def train_step_of(arguments, settings):
    """Build the model and return a function that runs one training step."""
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
    cross_entropy = nn.functional.cross_entropy
    precision = (
        torch.autocast("cpu", dtype=torch.bfloat16) if arguments.precision == "bf16" else contextlib.nullcontext()
    )

    def step():
        adam.zero_grad(set_to_none=True)
        with precision:
            logits, state = model(ids, carried[0])
            loss = cross_entropy(logits.reshape(-1, arguments.symbols).float(), targets)
        carried[0] = tuple(part.detach() for part in state)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        adam.step()
        return loss

    return step


def measure(step, seconds, mkldnn):
    """Median seconds per step, after a warm-up."""
    with torch.backends.mkldnn.flags(enabled=mkldnn):
        for _ in range(2):
            step()
        times = []
        start = time.perf_counter()
        while time.perf_counter() - start < seconds or len(times) < 3:
            before = time.perf_counter()
            step()
            times.append(time.perf_counter() - before)
    return statistics.median(times)


def every_setting(arguments):
    for threads, mkldnn, layout in itertools.product(
        thread_choices(arguments), [True, False], ["time_first", "batch_first"]
    ):
        yield {**threads, "mkldnn": mkldnn, "layout": layout}


def train(arguments):
    tokens = arguments.batch * arguments.steps
    if arguments.settings:
        settings = json.loads(arguments.settings)
        set_threads(settings)
        seconds = measure(train_step_of(arguments, settings), arguments.seconds, settings["mkldnn"])
        return {"tokens_per_second": tokens / seconds, "settings": settings}
    tried = []
    for settings in every_setting(arguments):
        set_threads(settings)
        try:
            seconds = measure(train_step_of(arguments, settings), arguments.seconds, settings["mkldnn"])
        except (RuntimeError, TypeError):  # this version cannot do it in this precision
            continue
        tried.append({"tokens_per_second": tokens / seconds, "settings": settings})
    if not tried:
        return {"unsupported": f"this PyTorch cannot train the model in {arguments.precision}"}
    best = max(tried, key=lambda row: row["tokens_per_second"])
    return {**best, "tried": tried}


def generate(arguments):
    """Characters per second of sampling with batch 1."""
    torch.manual_seed(1)
    tried = []
    settings = json.loads(arguments.settings) if arguments.settings else None
    choices = [settings] if settings else [
        {**threads, "mkldnn": mkldnn} for threads in thread_choices(arguments) for mkldnn in [True, False]
    ]
    model = LanguageModel(arguments.symbols, arguments.hidden, arguments.layers, True).eval()
    for choice in choices:
        set_threads(choice)
        ids = torch.zeros(1, 1, dtype=torch.long)
        zeros = torch.zeros(arguments.layers, 1, arguments.hidden)
        state = (zeros, zeros)
        with torch.inference_mode(), torch.backends.mkldnn.flags(enabled=choice["mkldnn"]):
            times, count, start = [], 64, time.perf_counter()
            while time.perf_counter() - start < arguments.seconds or len(times) < 5:
                before = time.perf_counter()
                for _ in range(count):
                    logits, state = model(ids, state)
                    ids = torch.multinomial(torch.softmax(logits[0], -1), 1)
                times.append((time.perf_counter() - before) / count)
        tried.append({"characters_per_second": 1 / statistics.median(times), "settings": choice})
    return {**max(tried, key=lambda row: row["characters_per_second"]), "tried": tried}


def gemm(arguments):
    """GFLOP/s of one float32 matrix product of size m x k by k x n."""
    m, k, n = (int(size) for size in arguments.size.split("x"))
    left, right, out = torch.rand(m, k), torch.rand(k, n), torch.empty(m, n)
    if arguments.precision == "bf16":
        left, right, out = left.bfloat16(), right.bfloat16(), out.bfloat16()
    tried = []
    for choice in thread_choices(arguments):
        set_threads(choice)
        times, start = [], time.perf_counter()
        while time.perf_counter() - start < arguments.seconds or len(times) < 10:
            before = time.perf_counter()
            torch.mm(left, right, out=out)
            times.append(time.perf_counter() - before)
        tried.append({"gflops": 2 * m * k * n / statistics.median(times) / 1e9, "settings": choice})
    return {**max(tried, key=lambda row: row["gflops"]), "tried": tried}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "generate", "gemm"])
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--symbols", type=int, default=65)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--threads", type=int, default=0, help="0 tries 1 and 2")
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--size", default="1024x1024x1024", help="m x k x n of the product, for gemm")
    parser.add_argument("--settings", help="JSON of one way to run, as printed by a former call")
    arguments = parser.parse_args()
    torch.set_flush_denormal(True)
    result = {"train": train, "generate": generate, "gemm": gemm}[arguments.what](arguments)
    print(json.dumps({"version": torch.__version__, **result}))


if __name__ == "__main__":
    main()
