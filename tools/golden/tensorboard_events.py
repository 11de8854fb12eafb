"""Golden TensorBoard event file, kept only after PyPI's tensorboard has read it.

    pip install tensorboard==2.21.0
    npx tsc -b packages/core
    python tools/golden/tensorboard_events.py

Lets Cadenza write a run that is killed in the middle of a record and resumed from step 20, reads the folder with TensorBoard's
EventAccumulator, checks every scalar and text, and writes packages/core/tests/golden/tensorboard.json with both files in base64.
"""

import base64
import json
import struct
import subprocess
import tempfile
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto import event_pb2

ROOT = Path(__file__).parents[2]
OUT = ROOT / "packages/core/tests/golden/tensorboard.json"
# One call per line: the clock in milliseconds, the step, then scalars or a text.
FIRST = [
    [1700000000000, 10, {"train/loss": 2.5, "train/learningRate": 0.001}],
    [1700000001000, 20, {"train/loss": 2.25, "validation/loss": 2.4}],
    [1700000001500, 20, "To be, or nöt 名前 to be"],
    [1700000002000, 30, {"train/loss": 99.0}],
    [1700000003000, 300, {"train/loss": 98.0}],
]
SECOND = [
    [1700000000500, 30, {"train/loss": 2.0}],
    [1700000001500, 40, {"train/loss": 1e-30}],
    [1700000002500, 5000000000, {"train/loss": 1.5}],
]
SCRIPT = """
import { readFileSync, truncateSync, statSync } from 'node:fs';
import { EventWriter } from '%s';
const { directory, lines, resumedAt } = JSON.parse(readFileSync(0, 'utf8'));
let now = lines[0][0];
const writer = new EventWriter(directory, { resumedAt, now: () => now });
for (const [at, step, content] of lines) {
  now = at;
  if (typeof content === 'string') writer.text(step, 'sample', content);
  else writer.scalars(step, content);
}
writer.close();
console.log(writer.path);
""" % (ROOT / "packages/core/dist/training/tensorboard.js").as_uri()


def write(directory, lines, resumed_at):
    given = json.dumps({"directory": directory, "lines": lines, "resumedAt": resumed_at})
    command = ["node", "--input-type=module", "-e", SCRIPT]
    return Path(subprocess.run(command, input=given, stdout=subprocess.PIPE, text=True, check=True).stdout.strip())


with tempfile.TemporaryDirectory() as folder:
    first = write(folder, FIRST, 0)
    first.write_bytes(first.read_bytes()[:-7])
    second = write(folder, SECOND, 20)
    assert first.name < second.name, (first.name, second.name)
    events = EventAccumulator(folder, size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    # float32 round trip
    f32 = lambda value: struct.unpack("f", struct.pack("f", value))[0]
    got = [(e.step, e.value) for e in events.Scalars("train/loss")]
    wanted = [(10, 2.5), (20, 2.25), (30, 2.0), (40, f32(1e-30)), (5000000000, 1.5)]
    assert got == wanted, got
    assert [(e.step, e.value) for e in events.Scalars("validation/loss")] == [(20, f32(2.4))]
    assert [e.wall_time for e in events.Scalars("train/learningRate")] == [1700000000.0]
    text = events.Tensors("sample")
    assert [(e.step, e.tensor_proto.string_val[0].decode()) for e in text] == [(20, FIRST[2][2])], text
    assert events.SummaryMetadata("sample").plugin_data.plugin_name == "text"
    assert events.file_version == 2.0, events.file_version
    print("PyPI's tensorboard reads ours:", events.Tags()["scalars"], events.Tags()["tensors"])
    golden = {
        "first": {"lines": FIRST, "cut": 7, "base64": base64.b64encode(first.read_bytes()).decode()},
        "second": {"lines": SECOND, "resumedAt": 20, "base64": base64.b64encode(second.read_bytes()).decode()},
    }
assert event_pb2.SessionLog.START == 1
OUT.write_text(json.dumps(golden, ensure_ascii=False) + "\n")
print(OUT, OUT.stat().st_size, "bytes")
