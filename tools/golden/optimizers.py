"""Golden numbers for the optimizers and learning-rate schedules, from PyTorch.

    pip install torch==2.15.0
    python tools/golden/optimizers.py

Writes packages/core/tests/golden/optimizers.json: parameters after each of six updates with fixed gradients, and the rates of
each schedule. Two parameters: a matrix and a bias.
"""

import json
from pathlib import Path

import torch

OUT = Path(__file__).parents[2] / "packages/core/tests/golden/optimizers.json"
STEPS = 6
torch.manual_seed(7)
torch.set_default_dtype(torch.float32)

start = {"kernel": torch.randn(2, 3), "bias": torch.randn(3)}
gradients = [{name: torch.randn_like(value) for name, value in start.items()} for _ in range(STEPS)]


def updates(make):
    parameters = {name: torch.nn.Parameter(value.clone()) for name, value in start.items()}
    optimizer = make(parameters)
    steps = []
    for gradient in gradients:
        for name, parameter in parameters.items():
            parameter.grad = gradient[name].clone()
        optimizer.step()
        steps.append({name: parameter.detach().flatten().tolist() for name, parameter in parameters.items()})
    return steps


def no_bias_decay(parameters):
    groups = [{"params": [parameters["kernel"]]}, {"params": [parameters["bias"]], "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=0.01, weight_decay=0.1)


optim = torch.optim
optimizers = [
    ({"name": "sgd"}, 0.1, lambda p: optim.SGD(p.values(), lr=0.1)),
    ({"name": "sgd", "momentum": 0.9}, 0.1, lambda p: optim.SGD(p.values(), lr=0.1, momentum=0.9)),
    (
        {"name": "sgd", "momentum": 0.9, "nesterov": True},
        0.1,
        lambda p: optim.SGD(p.values(), lr=0.1, momentum=0.9, nesterov=True),
    ),
    ({"name": "rmsprop"}, 0.01, lambda p: optim.RMSprop(p.values(), lr=0.01)),
    (
        {"name": "rmsprop", "decay": 0.9, "momentum": 0.5, "epsilon": 1e-6},
        0.01,
        lambda p: optim.RMSprop(p.values(), lr=0.01, alpha=0.9, momentum=0.5, eps=1e-6),
    ),
    ({"name": "adam"}, 0.01, lambda p: optim.Adam(p.values(), lr=0.01)),
    (
        {"name": "adam", "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4},
        0.01,
        lambda p: optim.Adam(p.values(), lr=0.01, betas=(0.8, 0.95), eps=1e-4),
    ),
    ({"name": "adamw", "weightDecay": 0.1}, 0.01, lambda p: optim.AdamW(p.values(), lr=0.01, weight_decay=0.1)),
    ({"name": "adamw", "weightDecay": 0.1, "decayBiases": False}, 0.01, no_bias_decay),
]


def rates(make, count=30):
    optimizer = optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    schedule = make(optimizer)
    out = []
    for _ in range(count):
        out.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return out


lr = optim.lr_scheduler


def warm(optimizer, after, steps=4):
    first = lr.LinearLR(optimizer, start_factor=1 / (steps + 1), total_iters=steps)
    return lr.SequentialLR(optimizer, [first, after(optimizer)], milestones=[steps])


schedules = [
    ({"name": "step", "every": 7, "factor": 0.3}, rates(lambda o: lr.StepLR(o, 7, gamma=0.3))),
    ({"name": "exponential", "factor": 0.9}, rates(lambda o: lr.ExponentialLR(o, gamma=0.9))),
    (
        {"name": "cosine", "steps": 29, "finalFraction": 0.1},
        rates(lambda o: lr.CosineAnnealingLR(o, T_max=29, eta_min=0.05)),
    ),
    (
        {"name": "step", "every": 5, "factor": 0.5, "warmupSteps": 4},
        rates(lambda o: warm(o, lambda p: lr.StepLR(p, 5, gamma=0.5))),
    ),
    (
        {"name": "cosine", "steps": 30, "warmupSteps": 4},
        rates(lambda o: warm(o, lambda p: lr.CosineAnnealingLR(p, T_max=26))),
    ),
]

losses = [3, 2, 1.5, 1.6, 1.49999, 1.7, 1.2, 1.3, 1.4, 1.3, 1.25, 1.3, 1.1, 1.2, 1.2, 1.2, 1.2, 1.2, 1.2, 1.2, 1.2, 1.2]


def plateau(**options):
    optimizer = optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    schedule = lr.ReduceLROnPlateau(optimizer, **options)
    out = []
    for loss in losses:
        schedule.step(loss)
        out.append(optimizer.param_groups[0]["lr"])
    return out


plateaus = [
    ({"factor": 0.5, "patience": 1}, plateau(factor=0.5, patience=1)),
    (
        {"factor": 0.2, "patience": 0, "cooldown": 2, "minimum": 0.01, "threshold": 0.05},
        plateau(factor=0.2, patience=0, cooldown=2, min_lr=0.01, threshold=0.05),
    ),
]

OUT.parent.mkdir(parents=True, exist_ok=True)
golden = {
    "start": {name: value.flatten().tolist() for name, value in start.items()},
    "gradients": [{name: value.flatten().tolist() for name, value in step.items()} for step in gradients],
    "optimizers": [
        {"options": options, "learningRate": rate, "steps": updates(make)} for options, rate, make in optimizers
    ],
    "schedules": [{"options": options, "rates": values} for options, values in schedules],
    "losses": losses,
    "plateaus": [{"options": options, "rates": values} for options, values in plateaus],
}
OUT.write_text(json.dumps(golden) + "\n")
print(OUT, OUT.stat().st_size, "bytes")
