"""Golden numbers of jiwer for transcripts as cadenza-speech compares them.

    pip install jiwer==4.0.0
    python tools/golden/transcript_scores.py

Writes apps/speech-recognition/tests/golden/transcriptScores.json: references and hypotheses that differ in white space, case,
composed letters and punctuation, and the counts of each pair after both sides were cleaned: composed (NFC), in lower case, each
run of white space one space, none at the ends.
"""

import json
import re
import unicodedata
from pathlib import Path

import jiwer

OUT = Path(__file__).parents[2] / "apps/speech-recognition/tests/golden/transcriptScores.json"

PAIRS = [
    ("one\ttwo", "one two"),
    ("one\u00a0two", "one two"),
    ("one \t\u00a0 two", "one two"),
    ("  one   two\n", "one two"),
    ("one\u0085two\u001cthree", "one two three"),
    ("one\u3000two\u2009three", "one three"),
    ("one\u200btwo", "one two"),
    ("one, two.", "one two"),
    ("it's twenty-one", "its twenty one"),
    ("One TWO", "one two three"),
    ("cafe\u0301 au lait", "caf\u00e9 o lait"),
    ("", ""),
    ("", "one two"),
    (" \t\u00a0", "one"),
    ("one two", ""),
]


def clean(text):
    return re.sub(r"\s+", " ", unicodedata.normalize("NFC", text)).strip().lower()


def counts(output):
    return [output.hits, output.substitutions, output.deletions, output.insertions]


def measure(pairs):
    references, hypotheses = ([clean(text) for text in side] for side in zip(*pairs))
    words, characters = jiwer.process_words(references, hypotheses), jiwer.process_characters(references, hypotheses)
    return {"wer": words.wer, "words": counts(words), "cer": characters.cer, "characters": counts(characters)}


OUT.write_text(json.dumps({
    "pairs": PAIRS,
    "each": [measure([pair]) for pair in PAIRS],
    "all": measure(PAIRS),
}, indent=1) + "\n")
