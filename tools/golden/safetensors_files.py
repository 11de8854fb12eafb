"""Golden safetensors files, both ways between Cadenza and PyPI's safetensors.

    pip install safetensors==0.8.0 numpy==2.4.6 torch==2.15.0
    npx tsc -b packages/core
    python tools/golden/safetensors_files.py

Writes packages/core/tests/golden/safetensors.json with two files in base64: `theirs`, written by PyPI's library with every type that
Cadenza reads, and `ours`, written by Cadenza and kept only after PyPI's library has read exactly the values that went in.
"""

import base64
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save

ROOT = Path(__file__).parents[2]
OUT = ROOT / "packages/core/tests/golden/safetensors.json"

theirs = {
    "f32": torch.tensor([[1.5, -2.25, 3e-38], [float("inf"), -0.0, 1e30]], dtype=torch.float32),
    "f64": torch.tensor([0.1, -1e300, 2.0], dtype=torch.float64),
    "f16": torch.tensor([1.0, -0.5, 65504.0, 6e-8, float("inf"), 0.333], dtype=torch.float16),
    "bf16": torch.tensor([1.0, -3.140625, 1e38, 1e-40], dtype=torch.bfloat16),
    "i64": torch.tensor([1, -2147483648, 2147483647], dtype=torch.int64),
    "i32": torch.tensor([[7], [-8]], dtype=torch.int32),
    "i16": torch.tensor([300, -300], dtype=torch.int16),
    "i8": torch.tensor([-128, 127, 5], dtype=torch.int8),
    "u8": torch.tensor([0, 255, 3], dtype=torch.uint8),
    "bool": torch.tensor([True, False, True]),
    "scalar": torch.tensor(42.0),
    "empty": torch.zeros(0, 4),
    'naïve "名前"': torch.arange(3, dtype=torch.float32),
}
their_bytes = save(theirs, metadata={"producer": "pypi", "quote": 'a "b" {c}'})


def as_json(tensor):
    values = tensor.to(torch.float32) if tensor.is_floating_point() else tensor.to(torch.int64)
    # Bits, since JSON has no infinities: floats as the int32 with the same bits.
    flat = values.flatten()
    return flat.view(torch.int32).tolist() if tensor.is_floating_point() else flat.tolist()


ours = {
    "layers.0.kernel": {"dtype": "float32", "shape": [2, 3], "values": [1.5, -2.25, 0.1, 1e-40, -0.0, 3e38]},
    "mask": {"dtype": "bool", "shape": [3], "values": [1, 0, 1]},
    "ids": {"dtype": "int32", "shape": [2, 1], "values": [-2147483648, 2147483647]},
    "empty": {"dtype": "float32", "shape": [0, 4], "values": []},
    "scalar": {"dtype": "float32", "shape": [], "values": [42]},
    # As exported weights have them: bfloat16 by its bits, here 1, -3.140625 and the largest.
    "half": {"dtype": "bfloat16", "shape": [1, 3], "values": [0x3F80, 0xC049, 0x7F7F]},
    "quantised": {"dtype": "int8", "shape": [3, 1], "values": [-127, 0, 127]},
    "quantised.scales": {"dtype": "float32", "shape": [1, 1], "values": [0.0078125]},
    "naïve \"名前\"": {"dtype": "float32", "shape": [1], "values": [7]},
}
SCRIPT = """
import { readFileSync, writeFileSync } from 'node:fs';
import { encodeSafetensors } from '%s';
const arrays = {
  float32: Float32Array, int32: Int32Array, bool: Uint8Array, bfloat16: Uint16Array, int8: Int8Array,
};
const given = JSON.parse(readFileSync(0, 'utf8'));
const tensors = new Map(given.map(([name, t]) => [name, { ...t, values: arrays[t.dtype].from(t.values) }]));
writeFileSync(1, Buffer.concat([...encodeSafetensors(tensors, { producer: 'cadenza', step: '3' })]));
""" % (ROOT / "packages/core/dist/training/safetensors.js").as_uri()
our_bytes = subprocess.run(
    ["node", "--input-type=module", "-e", SCRIPT],
    input=json.dumps(list(ours.items())).encode(),
    stdout=subprocess.PIPE,
    check=True,
).stdout

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "ours.safetensors"
    path.write_bytes(our_bytes)
    with safe_open(path, "pt") as file:
        assert file.metadata() == {"producer": "cadenza", "step": "3"}, file.metadata()
    loaded = load_file(path)
types = {"float32": torch.float32, "int32": torch.int32, "bool": torch.bool, "int8": torch.int8}
assert set(loaded) == set(ours), loaded.keys()
for name, tensor in ours.items():
    if tensor["dtype"] == "bfloat16":
        wanted = torch.tensor(tensor["values"], dtype=torch.uint16).view(torch.bfloat16).reshape(tensor["shape"])
        assert loaded[name].dtype == wanted.dtype and torch.equal(loaded[name], wanted), name
        continue
    wanted = torch.tensor(tensor["values"], dtype=types[tensor["dtype"]]).reshape(tensor["shape"])
    assert loaded[name].dtype == wanted.dtype and loaded[name].shape == wanted.shape, name
    assert np.array_equal(loaded[name].numpy().view(np.uint8) if wanted.ndim else loaded[name].numpy(),
                          wanted.numpy().view(np.uint8) if wanted.ndim else wanted.numpy()), name
print("PyPI's safetensors reads ours:", ", ".join(loaded))

golden = {
    "theirs": {
        "base64": base64.b64encode(their_bytes).decode(),
        "tensors": {
            name: {"shape": list(t.shape), "isFloat": t.is_floating_point(), "values": as_json(t)}
            for name, t in theirs.items()
        },
    },
    "ours": {"base64": base64.b64encode(our_bytes).decode(), "tensors": list(ours.items())},
}
OUT.write_text(json.dumps(golden, ensure_ascii=False) + "\n")
print(OUT, OUT.stat().st_size, "bytes")
