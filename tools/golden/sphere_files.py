"""NIST SPHERE files of every encoding that libsndfile writes, and the samples it reads back from them.

Made with soundfile 0.14.0 and numpy 2.4.6 (pip install soundfile numpy). Run from the repository's root:

    python tools/golden/sphere_files.py > packages/audio/tests/golden/sphereFiles.json
"""

import base64
import io
import json
import sys

import numpy as np
import soundfile

RATE = 16000
time = np.arange(60) / RATE
LEFT = 0.7 * np.sin(2 * np.pi * (200 + 20000 * time) * time)
RIGHT = 0.4 * np.sin(2 * np.pi * 1333 * time)

KINDS = [(subtype, endian) for subtype in ["PCM_16", "PCM_24", "PCM_32"] for endian in ["LITTLE", "BIG"]]
KINDS += [("ALAW", "FILE"), ("ULAW", "FILE")]

files = []
for subtype, endian in KINDS:
    for channels in (1, 2):
        buffer = io.BytesIO()
        signal = LEFT if channels == 1 else np.stack([LEFT, RIGHT], 1)
        soundfile.write(buffer, signal, RATE, format="NIST", subtype=subtype, endian=endian)
        data = buffer.getvalue()
        samples, rate = soundfile.read(io.BytesIO(data), dtype="float64", always_2d=True)
        assert rate == RATE
        files.append(
            {
                "name": f"{subtype} {endian} {channels}",
                "bytes": base64.b64encode(data).decode(),
                "samples": [[float(f"{value:.7g}") for value in samples[:, c]] for c in range(channels)],
            }
        )
json.dump(files, sys.stdout, separators=(",", ":"))
