"""Golden merges and subwords of PyPI's subword-nmt, on sentences written for this purpose and on a real text, the repository's LICENSE.

    pip install subword-nmt==0.3.8
    python tools/golden/bpe.py

Learns merges from the lines below, both languages jointly, until no pair is left that occurs twice; encodes them and some
lines of other words; encodes them once more with a vocabulary, with some of the merges only, and with glossaries; and writes
packages/text/tests/golden/bpe.json. Of the LICENSE it keeps 1000 merges and the SHA-256 of its encoded lines.
"""

import hashlib
import io
import json
from collections import Counter
from pathlib import Path

from subword_nmt.apply_bpe import BPE
from subword_nmt.learn_bpe import learn_bpe

ENGLISH = """the small boat leaves the harbour before the sun comes up .
a smaller boat follows it , and the smallest stays .
she reads the newest newspaper while the kettle boils .
he has been reading older newspapers since the morning .
we walked along the river , talking and walking , until it rained .
the rain was raining on and on and on ...
who wrote the longest letter , and who has the longer pen ?
they sing singing songs ; the singers sang sixteen of them !
my neighbour 's garden is greener than ours , is n't it ?
banana , bandana , anagram and ananas : all of them have an an in them .
zzz zzzz zzzzz zzzzzzz ! ! ! !! !!! !!!!
the price went from 1,999.50 to 2,000 in 2024 ."""
GERMAN = """das kleine boot verlässt den hafen , bevor die sonne aufgeht .
ein kleineres boot folgt ihm , und das kleinste bleibt .
sie liest die neueste zeitung , während der kessel kocht .
er liest seit dem morgen ältere zeitungen .
wir gingen am fluss entlang , redend und gehend , bis es regnete .
der regen regnete und regnete und regnete …
wer schrieb den längsten brief , und wer hat den längeren stift ?
sie singen gesungene lieder ; die sängerinnen sangen sechzehn davon !
größere straßen , größte straßen , großes haus .
die schifffahrtsgesellschaft und die flussschifffahrt .
der preis stieg von 1.999,50 auf 2.000 im jahr 2024 ."""
OTHERS = """the harbourmaster was newsworthy .
  two  spaces , and an end	with a tab
überraschungsgäste zzzzzz
семь 🙂 naïve 👩‍🚀 نص"""

lines = (ENGLISH + "\n" + GERMAN).split("\n")
codes = io.StringIO()
learn_bpe(io.StringIO("\n".join(lines) + "\n"), codes, 10_000)


def encoder(**options):
    return BPE(io.StringIO(codes.getvalue()), **options)


def encode(texts, **options):
    own = encoder(**options)
    return [own.segment(text) for text in texts]


license_lines = (Path(__file__).parents[2] / "LICENSE").read_text(encoding="utf-8").split("\n")
license_codes = io.StringIO()
learn_bpe(io.StringIO("\n".join(license_lines)), license_codes, 1000)
license_encoder = BPE(io.StringIO(license_codes.getvalue()))
license_encoded = "\n".join(license_encoder.segment(line) for line in license_lines)

others = OTHERS.split("\n")
german = Counter(token for line in encode(GERMAN.split("\n")) for token in line.split(" "))
known = sorted(token for token, count in german.items() if count >= 2)
glossaries = ["boot", "2024", "ana"]
golden = {
    "lines": lines,
    "others": others,
    "codes": codes.getvalue(),
    "encoded": encode(lines),
    "othersEncoded": encode(others),
    "first100Merges": encode(lines + others, merges=100),
    "known": known,
    "knownEncoded": encode(lines + others, vocab=set(known)),
    "glossaries": glossaries,
    "glossariesEncoded": encode(lines + others, glossaries=glossaries),
    "license": {
        "codes": license_codes.getvalue(),
        "encodedSha256": hashlib.sha256(license_encoded.encode()).hexdigest(),
    },
}
folder = Path(__file__).parents[2] / "packages" / "text" / "tests" / "golden"
folder.mkdir(exist_ok=True)
(folder / "bpe.json").write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
