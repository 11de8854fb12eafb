"""N-gram models of KenLM: what its lmplz estimates from a few sentences, and what it makes of others with that.

Made with kenlm 0.3.0 (pip install kenlm), whose source package also holds lmplz (pip download --no-binary kenlm kenlm; then
cmake and make lmplz, with Boost). Run from the repository's root:

    python tools/golden/ngram.py /path/to/lmplz > packages/text/tests/golden/ngram.json

For its discounts lmplz counts the last n-gram of each length below the longest by how often it occurs, where its adjusted count
is due (adjust_counts.cc, after the loop). The last word and letter of the sentences are therefore new and occur once, so that
both counts are 1.
"""

import json
import subprocess
import sys
import tempfile

import kenlm

SENTENCES = """
the cat sat on the mat
the dog sat on the log
a cat saw the dog
the dog saw a cat on the mat
a dog and a cat sat on a log
the mat and the log
the cat and the dog saw the cat
the end of it
""".strip().split("\n")

OTHERS = [
    "the cat saw a log",
    "the end of the dog",
    "mat mat on",
    "",
    "zebra",
    "a cat sat on the mat and the dog sat on the log",
]


def tokens(line, characters):
    return " ".join("<space>" if c == " " else c for c in line) if characters else line


def case(name, order, prune=None, characters=False):
    text = "".join(tokens(line, characters) + "\n" for line in SENTENCES)
    command = [sys.argv[1], "-o", str(order), "--discount_fallback"]
    if prune:
        command += ["--prune", *map(str, prune)]
    arpa = subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout
    with tempfile.NamedTemporaryFile("w", suffix=".arpa") as file:
        file.write(arpa)
        file.flush()
        model = kenlm.Model(file.name)
    scores = [total(model, tokens(line, characters)) for line in OTHERS]
    return {
        "name": name,
        "order": order,
        "prune": prune or [0],
        "characters": characters,
        "arpa": arpa,
        "scores": scores,
    }


def total(model, line):
    """log10 p of the line with its end, the tokens, and those that are unknown"""
    scores = list(model.full_scores(line))
    log10 = sum(score for score, _, _ in scores)
    return [float(f"{log10:.8g}"), len(scores), sum(oov for _, _, oov in scores)]


cases = [
    case("words in pairs", 2),
    case("words in threes", 3),
    case("words in fours, of which single ones are left out", 4, [0, 0, 1]),
    case("pairs and threes left out", 3, [0, 1, 2]),
    case("characters in threes", 3, characters=True),
]
golden = {"maker": "kenlm 0.3.0", "sentences": SENTENCES, "others": OTHERS, "cases": cases}
json.dump(golden, sys.stdout, separators=(",", ":"))
