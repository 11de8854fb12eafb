"""Small FLAC, Ogg Vorbis, Ogg Opus and MP3 files, written by libsndfile, and the samples it reads back from them.

Made with soundfile 0.14.0 (libsndfile 1.2.2) and numpy 2.4.6 (pip install soundfile numpy). Run from the repository's root:

    python tools/golden/compressed_audio.py > packages/audio/tests/golden/compressedAudio.json
"""

import base64
import io
import json
import sys

import numpy as np
import soundfile

LENGTH = 1500


def tone(rate, channels):
    time = np.arange(LENGTH) / rate
    fade = np.minimum(1, np.arange(LENGTH) / 200) * np.minimum(1, np.arange(LENGTH)[::-1] / 200)
    parts = [0.5 * np.sin(2 * np.pi * 440 * time) * fade, 0.3 * np.sin(2 * np.pi * 1000 * time) * fade]
    return np.stack(parts[:channels], 1)


files = []
for name, container, subtype, rate, channels in [
    ("FLAC of 16 bits", "FLAC", "PCM_16", 16000, 1),
    ("FLAC of 24 bits", "FLAC", "PCM_24", 44100, 2),
    ("FLAC of 8 bits", "FLAC", "PCM_S8", 16000, 1),
    ("Ogg Vorbis", "OGG", "VORBIS", 16000, 1),
    ("Ogg Vorbis of two channels", "OGG", "VORBIS", 44100, 2),
    ("MP3", "MP3", "MPEG_LAYER_III", 16000, 1),
    ("MP3 of two channels", "MP3", "MPEG_LAYER_III", 44100, 2),
    ("Ogg Opus", "OGG", "OPUS", 16000, 1),
]:
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(rate, channels), rate, format=container, subtype=subtype)
    data = buffer.getvalue()
    samples, read_rate = soundfile.read(io.BytesIO(data), dtype="float64", always_2d=True)
    integers = np.round(samples * 32768).astype("<i2")
    files.append(
        {
            "name": name,
            "sampleRate": read_rate,
            "channels": channels,
            "bytes": base64.b64encode(data).decode(),
            "samples": [base64.b64encode(integers[:, c].tobytes()).decode() for c in range(channels)],
        }
    )
json.dump({"files": files}, sys.stdout, indent=1)
print()
