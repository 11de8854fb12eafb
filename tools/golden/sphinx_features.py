"""Golden cepstra of sphinx_fe for the signals of packages/audio/tests/golden/features.json.

Made with sphinx_fe of SphinxBase 5prealpha (Debian's sphinxbase-utils 0.8+5prealpha+1-16). Run from the repository's root:

    python tools/golden/sphinx_features.py > packages/audio/tests/golden/sphinxFeatures.json
"""

import base64
import json
import struct
import subprocess
import sys
import tempfile

result = {}
for signal in json.load(open("packages/audio/tests/golden/features.json")):
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/x.raw", "wb") as file:
            file.write(base64.b64decode(signal["samples"]))
        options = {
            "-i": folder + "/x.raw", "-o": folder + "/x.mfc", "-raw": "yes", "-samprate": signal["rate"],
            "-lowerf": 130, "-upperf": 6800 if signal["rate"] == 16000 else 3800, "-nfilt": 40, "-nfft": 512,
            "-remove_noise": "no", "-remove_silence": "no",
        }
        subprocess.run(["sphinx_fe", *(str(word) for pair in options.items() for word in pair)], check=True, capture_output=True)
        with open(folder + "/x.mfc", "rb") as file:
            (count,) = struct.unpack("<i", file.read(4))
            values = struct.unpack(f"<{count}f", file.read())
    result[signal["name"]] = [[float(f"{v:.8g}") for v in values[at : at + 13]] for at in range(0, count, 13)]
json.dump(result, sys.stdout, separators=(",", ":"))
