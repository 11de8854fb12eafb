"""WAV files of every encoding, written by libsndfile, and the samples it reads back from them.

Made with soundfile 0.14.0 and numpy 2.4.6 (pip install soundfile numpy). Run from the repository's root:

    python tools/golden/wav_files.py > packages/audio/tests/golden/wavFiles.json
"""

import base64
import io
import json
import sys

import numpy as np
import soundfile

RATE = 8000
time = np.arange(700) / RATE
LEFT = 0.7 * np.sin(2 * np.pi * (200 + 2000 * time) * time) * np.linspace(0.05, 1, 700)
RIGHT = 0.4 * np.sin(2 * np.pi * 333 * time) + 0.2 * np.sin(2 * np.pi * 50 * time)

KINDS = [
    ("WAV", subtype, "FILE")
    for subtype in ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAW", "ULAW", "IMA_ADPCM"]
]
KINDS += [("WAV", "PCM_16", "BIG"), ("WAV", "PCM_24", "BIG"), ("WAV", "FLOAT", "BIG"), ("WAV", "DOUBLE", "BIG")]
KINDS += [("WAVEX", subtype, "FILE") for subtype in ["PCM_U8", "PCM_24", "FLOAT", "ALAW"]]
KINDS += [("RF64", "PCM_16", "FILE"), ("RF64", "FLOAT", "FILE")]

files = []
for container, subtype, endian in KINDS:
    for channels in (1, 2):
        signal = LEFT if channels == 1 else np.stack([LEFT, RIGHT], 1)
        signal = signal[: 700 if subtype == "IMA_ADPCM" else 120]  # more than one block
        buffer = io.BytesIO()
        soundfile.write(buffer, signal, RATE, format=container, subtype=subtype, endian=endian)
        data = buffer.getvalue()
        samples, rate = soundfile.read(io.BytesIO(data), dtype="float64", always_2d=True)
        files.append(
            {
                "name": f"{container} {subtype} {endian} {channels}",
                "bytes": base64.b64encode(data).decode(),
                "frames": len(samples),
                # Every 7th frame, which tells as much.
                "samples": [[float(f"{value:.7g}") for value in samples[::7, c]] for c in range(channels)],
            }
        )
json.dump(files, sys.stdout, separators=(",", ":"))
