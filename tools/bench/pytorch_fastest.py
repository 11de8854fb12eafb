"""How the PyTorch peers find their fastest way, and how they are asked (`runner.mjs`)."""

import argparse
import ctypes
import json
import os
import statistics
import sys
import time
import warnings

# qnnpack warns at every product otherwise, which costs it more than the product.
os.environ.update(GLOG_minloglevel="2", TORCH_CPP_LOG_LEVEL="ERROR")

import torch  # noqa: E402

# What this version cannot do in some way; the other ways are tried.
UNSUPPORTED = (RuntimeError, TypeError, AttributeError, ImportError, NotImplementedError)


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


def use(settings):
    """Switches to one way's threads and kernels."""
    torch.set_num_threads(settings["threads"])
    if OPEN_BLAS:
        OPEN_BLAS.openblas_set_num_threads(settings["blas_threads"])
    if settings.get("engine"):
        torch.backends.quantized.engine = settings["engine"]


def thread_choices(arguments):
    for threads in [arguments.threads] if arguments.threads else [1, 2]:
        for blas_threads in [1, 2] if OPEN_BLAS and not arguments.threads else [threads]:
            yield {"threads": threads, "blas_threads": blas_threads} if OPEN_BLAS else {"threads": threads}


def kernel_choices(arguments):
    for mkldnn in [True, False] if torch.backends.mkldnn.is_available() and not arguments.quick else [True]:
        for threads in thread_choices(arguments):
            yield {**threads, "mkldnn": mkldnn}


def times_of(step, seconds, at_least, give_up=float("inf")):
    """Seconds of each call after one to warm up; none when that one took longer than `give_up`."""
    before = time.perf_counter()
    step()
    if time.perf_counter() - before > give_up:
        return []
    times = []
    start = time.perf_counter()
    while time.perf_counter() - start < seconds or len(times) < at_least:
        before = time.perf_counter()
        step()
        times.append(time.perf_counter() - before)
    return times


def fastest(choices, step_of, seconds):
    """The fastest of some ways: the median time, its settings and step. A way whose first call takes twice that of the best is given up."""
    best = None
    for settings in choices:
        try:
            use(settings)
            with torch.backends.mkldnn.flags(enabled=settings["mkldnn"]):
                step = step_of(settings)
                times = times_of(step, seconds, 2, give_up=max(2 * best[0], 0.05) if best else float("inf"))
        except UNSUPPORTED:
            continue
        if times and (best is None or statistics.median(times) < best[0]):
            best = (statistics.median(times), settings, step)
    return best


def fastest_layout(arguments, step_of):
    """The fastest threads and kernels with time first, or the same with the batch first if that is faster."""

    def search(choices):
        return fastest(choices, step_of, arguments.try_seconds)

    best = search({**kernels, "layout": "time_first"} for kernels in kernel_choices(arguments))
    if best and not arguments.quick:
        found = search([{**best[1], "layout": "batch_first"}])
        best = min([best, found], key=lambda each: each[0]) if found else best
    return best


def make_adam(parameters, learning_rate=2e-3, weight_decay=None):
    """Adam, and with a decay of the weights AdamW."""
    kind = torch.optim.Adam if weight_decay is None else torch.optim.AdamW
    decay = {} if weight_decay is None else {"weight_decay": weight_decay}
    try:
        return kind(parameters, lr=learning_rate, fused=True, **decay)
    except (RuntimeError, TypeError):  # older versions have no fused Adam on the CPU
        return kind(parameters, lr=learning_rate, foreach=True, **decay)


def make_parser(description, whats):
    """The arguments that all peers take."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=whats)
    parser.add_argument("--threads", type=int, default=0, help="0 tries 1 and 2")
    parser.add_argument("--precision", choices=["f32", "bf16", "int8"], default="f32")
    parser.add_argument("--try-seconds", type=float, default=0.2, help="how long each way is tried")
    parser.add_argument("--quick", action="store_true", help="try the numbers of threads only")
    return parser


def serve(arguments, contests):
    """
    Finds the fastest way of what is asked and measures it as often as it is asked to. A contest takes the arguments and gives
    `(best, measure, about)`: what `fastest` found, `measure(step, seconds)` to figures, and `about(step)` to what else it says of itself.
    """
    warnings.filterwarnings("ignore")
    torch.set_flush_denormal(True)
    best, measure, about = contests[arguments.what](arguments)
    version = {"version": torch.__version__}
    if best is None:
        unsupported = f"it cannot {arguments.what} in {arguments.precision}"
        print(json.dumps({**version, "unsupported": unsupported}), flush=True)
        return
    _, settings, step = best
    use(settings)
    with torch.backends.mkldnn.flags(enabled=settings["mkldnn"]):
        print(json.dumps({**version, "settings": settings, **about(step)}), flush=True)
        for line in sys.stdin:
            print(json.dumps(measure(step, json.loads(line)["seconds"])), flush=True)
