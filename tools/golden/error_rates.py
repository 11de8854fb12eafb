"""Golden numbers of jiwer for word and character error rates.

    pip install jiwer==4.0.0
    python tools/golden/error_rates.py

Writes packages/core/tests/golden/errorRates.json: pairs of a reference and a hypothesis, some written, some drawn from few
words so that many alignments are equally cheap; the counts of each pair, its alignment and the rates of all.
"""

import json
import random
from pathlib import Path

import jiwer

OUT = Path(__file__).parents[2] / "packages/core/tests/golden/errorRates.json"
LETTERS = {"equal": "h", "substitute": "s", "delete": "d", "insert": "i"}

WRITTEN = [
    ("seven two nine", "seven two nine"),
    ("seven two nine", "seven nine"),
    ("seven two nine", "eleven two five nine"),
    ("open the door please", ""),
    ("go", "go go go"),
    ("turn the volume up", "turn up the volume"),
    ("  leading and   double  spaces ", "leading and double spaces"),
    ("das mädchen heißt anna", "das madchen heisst anna"),
    ("call me at five 😀", "call me at nine 😁"),
    ("a b c d e f", "b c d e f a"),
    ("recognize speech", "wreck a nice beach"),
]


def drawn():
    generator = random.Random(11)
    words = ["a", "b", "ab", "ba"]
    pairs = []
    for _ in range(60):
        sides = [" ".join(generator.choice(words) for _ in range(generator.randint(1, 9))) for _ in range(2)]
        pairs.append(tuple(sides))
    return pairs


def counts(output):
    return {"hits": output.hits, "substitutions": output.substitutions, "deletions": output.deletions,
            "insertions": output.insertions}


def letters(chunks):
    return "".join(
        LETTERS[chunk.type] * max(chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx)
        for chunk in chunks)


def measure(process, pairs):
    references, hypotheses = (list(side) for side in zip(*pairs))
    output = process(references, hypotheses)
    result = {**counts(output), "rate": output.wer if process is jiwer.process_words else output.cer,
              "alignments": [letters(chunks) for chunks in output.alignments]}
    if process is jiwer.process_words:
        result |= {"matchErrorRate": output.mer, "informationLost": output.wil}
    return result


pairs = WRITTEN + drawn()
empty = [("", "made up words"), ("", "")]
OUT.write_text(json.dumps({
    "pairs": pairs,
    "word": measure(jiwer.process_words, pairs),
    "character": measure(jiwer.process_characters, pairs),
    "emptyPairs": empty,
    "empty": [measure(jiwer.process_words, [pair]) for pair in empty],
}, ensure_ascii=False, indent=1) + "\n")
