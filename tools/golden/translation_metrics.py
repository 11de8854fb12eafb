"""Golden numbers of sacreBLEU for BLEU, chrF, TER and paired bootstrap resampling.

    pip install sacrebleu==2.6.0
    python tools/golden/translation_metrics.py

Writes packages/core/tests/golden/translationMetrics.json: German sentences with a second reference for some, the outputs of
two imagined systems, and every score of them; and scores of two real systems, packages/core/tests/golden/translations.tsv: 300 embedded
phrases of the translation app (reference, output of its default preset, and of 450 steps of it). Options stand in the golden file as Cadenza names them.
"""

import json
from itertools import product
from pathlib import Path

import numpy as np
from sacrebleu.metrics import BLEU, CHRF, TER
from sacrebleu.significance import PairedTest, _compute_p_value, estimate_ci

OUT = Path(__file__).parents[2] / "packages/core/tests/golden/translationMetrics.json"

# (reference, second reference or None, system a, system b)
SENTENCES = [
    ("Ein Mann mit rotem Hut steht am Ufer.", "Am Ufer steht ein Mann mit einem roten Hut.",
     "Ein Mann mit einem roten Hut steht am Ufer.", "Am Ufer steht ein Mann mit rotem Hut."),
    ("Zwei Hunde laufen über die nasse Wiese.", None,
     "Zwei Hunde rennen über die nasse Wiese.", "Zwei Hunde laufen über nasses Gras ."),
    ("Das Ticket kostet 12,50 € pro Person.", "Eine Karte kostet 12,50 € je Person.",
     "Das Ticket kostet 12.50€ pro Person.", "Der Fahrschein kostet € 12,50 pro Person."),
    ("„Wo ist der Bahnhof?“, fragte sie leise.", None,
     '"Wo ist der Bahnhof?" fragte sie leise.', "Sie fragte leise: „Wo ist der Bahnhof?“"),
    ("Im Jahr 2004 zogen 1.250.000 Menschen um.", "2004 sind 1.250.000 Menschen umgezogen.",
     "Im Jahr 2004 zogen 1,250,000 Menschen um.", "2004 zogen 1.250.000 Menschen um."),
    ("Die Nord-Süd-Verbindung wird 2031 fertig.", None,
     "Die Nord-Süd Verbindung wird 2031 fertiggestellt.", "Die Verbindung von Nord nach Süd wird 2031 fertig."),
    ("Ich habe keine Ahnung.", "Ich weiß es nicht.", "", "Ich weiß nicht."),
    ("Er öffnete die Tür, sah hinaus und lachte.", None,
     "Er lachte, öffnete die Tür und sah hinaus.", "Er öffnete die Tür, schaute raus und lachte."),
    ("Der Zug um 7:45 Uhr fällt heute aus!", None,
     "Der Zug von 7:45 fällt heute aus!", "Der 7:45-Uhr-Zug fällt heute aus !"),
    ("Das Wasser ist zu kalt zum Schwimmen 🥶.", None,
     "Das Wasser ist zum Schwimmen zu kalt 🥶🥶.", "Das Wasser ist zu kalt 🥶 um zu schwimmen."),
    ("Sie lernt seit drei Jahren Klavier.", "Seit drei Jahren lernt sie Klavier.",
     "Seit drei Jahren lernt sie Klavier spielen.", "Sie lernt drei Jahre lang Klavier."),
    ("Bitte antworten Sie bis zum 3. Mai.", None,
     "Bitte antworten Sie bis 3. Mai.", "Bitte antworten Sie bis zum 3.5."),
    ("Müller & Söhne GmbH, Straße 5a", None,
     "Müller &amp; Söhne GmbH, Straße 5a", "Mueller & Soehne GmbH, Strasse 5a"),
    ("Das Kind spielt mit dem Ball.", None, "Das Kind spielt mit dem Ball.", "Das Kind spielt mit dem Ball."),
    ("Wir treffen uns um 15:30 am Café „Zur Post“.", None,
     "Wir treffen uns um 15:30 Uhr beim Café 'Zur Post'.", "Wir treffen uns 15.30 im Café »Zur Post«."),
    ("Der Preis stieg um 3,5 % auf 1.999,00 US-$.", None,
     "Der Preis stieg um 3.5% auf $1,999.00.", "Um 3,5 % stieg der Preis auf 1.999 US-$."),
    ("Eine Frau liest ein Buch im Park.", "Eine Frau liest im Park ein Buch.",
     "Eine Frau liest ein Buch in einem Park.", "Ein Buch wird im Park von einer Frau gelesen."),
    ("Ja.", "Ja, gern.", "Ja.", "Ja !"),
    ("Nein!", None, "Nein", "Nein! Nein! Nein!"),
    ("Sie trug Größe 42–44 … vielleicht.", None,
     "Sie trug Größe 42-44... vielleicht.", "Vielleicht trug sie Größe 42–44 …"),
    ("Temperaturen von −5 °C bis +12 °C erwartet.", None,
     "Temperaturen von -5°C bis +12°C erwartet.", "Erwartet werden −5 °C bis +12 °C."),
    ("Schreiben Sie an info@beispiel.example oder rufen Sie an.", None,
     "Schreiben Sie an info@beispiel.example oder rufen an.", "Rufen Sie an oder schreiben an info@beispiel.example."),
    ("Das Wort 漢字 heißt „Kanji“.", None, "Das Wort 漢字 bedeutet „Kanji“.", "漢字 heißt Kanji."),
    ("東京は今日も雨です。", None, "東京は今日、雨です。", "東京 は 今日 も 雨 です 。"),
    ("我们明天去北京（坐火车）！", "我们明天坐火车去北京！", "我们明天坐火车去北京!", "明天我们去北京（坐飞机）！"),
    ("Η Αθήνα είναι όμορφη τον ΜΑΪΟ.", None, "Η ΑΘΗΝΑ ΕΙΝΑΙ ΟΜΟΡΦΗ ΤΟΝ ΜΑΪΟΣ.", "Η Αθήνα είναι ωραία τον Μάιο."),
    ("Москва, как много в этом звуке...", None, "Москва — как много в этом звуке…", "Как много в этом звуке, Москва..."),
    ("x < y && y > z", None, "x &lt; y && y &gt; z", "x<y && y>z"),
    ("Der Kapitän – ein alter Mann – schwieg.", None,
     "Der Kapitän, ein alter Mann, schwieg.", "Der alte Kapitän schwieg – wie immer."),
    ("Die Kinder, die im Garten spielen, lachen laut.", None,
     "Die im Garten spielenden Kinder lachen laut.", "Laut lachen die Kinder, die im Garten spielen."),
    ("Vier Männer tragen ein blaues Boot zum See.", None,
     "Vier Männer tragen ein blaues Boot zum See hinunter.", "Zum See tragen vier Männer ein blaues Boot."),
    ("Tom's Rad ist rot; Anna's ist grün.", None, "Toms Rad ist rot, Annas ist grün.", "Tom's Rad ist rot; das von Anna ist grün."),
    ("Kapitel 3.2.1: Grundlagen (Teil A)", None, "Kapitel 3.2.1 - Grundlagen [Teil A]", "Teil A: Grundlagen (Kapitel 3.2.1)"),
    ("  Viel   Platz \tzwischen den Wörtern.  ", None, "Viel Platz zwischen den Wörtern.", "Viel Raum zwischen  Wörtern. "),
    ("Der der der Hund bellt bellt.", None, "Der Hund Hund Hund bellt.", "Der der der der der Hund."),
    ("Ein Radfahrer in gelber Jacke überholt auf der Brücke einen langsamen Bus voller Touristen.", None,
     "Auf der Brücke überholt ein Radfahrer in gelber Jacke einen langsamen Bus voller Touristen.",
     "Einen langsamen Bus voller Touristen überholt auf der Brücke ein Radfahrer in gelber Jacke."),
    ("Gestern hat meine Schwester, die in Köln wohnt, mir einen langen Brief geschrieben.", None,
     "Meine Schwester, die in Köln wohnt, hat mir gestern einen langen Brief geschrieben.",
     "Gestern schrieb mir meine Schwester aus Köln einen Brief."),
    ("", None, "", "Etwas aus nichts."),
    ("Ende gut, alles gut.", None, "alles gut, Ende gut.", "Ende gut , alles gut ."),
    ("👍🏽 Super gemacht, weiter so! 🎉", None, "👍 Super gemacht, weiter so!! 🎉", "Toll gemacht 👍🏽, weiter so 🎉!"),
]
REFERENCES, SECOND, A, B = (list(column) for column in zip(*SENTENCES))
SYSTEMS = {"a": A, "b": B}
STREAMS = {
    "one": [REFERENCES],
    "two": [REFERENCES, [second or first for first, second in zip(REFERENCES, SECOND)]],
    "some": [REFERENCES, SECOND],
}
SACREBLEU_NAMES = {
    "smoothing": "smooth_method", "smoothingValue": "smooth_value", "effectiveOrder": "effective_order",
    "maxOrder": "max_ngram_order", "characterOrder": "char_order", "wordOrder": "word_order",
    "epsilonSmoothing": "eps_smoothing", "noPunctuation": "no_punct", "asianSupport": "asian_support",
    "caseSensitive": "case_sensitive",
}


def make(metric, options):
    return metric(**{SACREBLEU_NAMES.get(name, name): value for name, value in options.items()})


BLEU_OPTIONS = [
    {"tokenize": tokenize, "lowercase": lowercase} for tokenize in ("13a", "intl", "none") for lowercase in (False, True)
] + [
    {"smoothing": "none"}, {"smoothing": "floor"}, {"smoothing": "floor", "smoothingValue": 0.01},
    {"smoothing": "add-k"}, {"smoothing": "add-k", "smoothingValue": 0.5}, {"maxOrder": 2}, {"maxOrder": 6},
    {"effectiveOrder": True},
]
CHRF_OPTIONS = [
    {}, {"wordOrder": 1}, {"wordOrder": 2}, {"wordOrder": 2, "lowercase": True}, {"whitespace": True},
    {"beta": 1}, {"beta": 3, "characterOrder": 4}, {"epsilonSmoothing": True, "wordOrder": 2},
]
TER_OPTIONS = [
    {"normalized": normalized, "noPunctuation": punctuation, "caseSensitive": case}
    for normalized, punctuation, case in product((False, True), repeat=3)
] + [
    {"normalized": True, "asianSupport": True}, {"normalized": True, "noPunctuation": True, "asianSupport": True},
    {"noPunctuation": True, "asianSupport": True},
]


def corpora(metric, all_options, extra):
    rows = []
    for options in all_options:
        for system in SYSTEMS:
            for streams in STREAMS if options == all_options[0] else ("one",):
                scorer = make(metric, options)
                result = scorer.corpus_score(SYSTEMS[system], STREAMS[streams])
                rows.append({"system": system, "references": streams, "options": options, "score": result.score,
                             "signature": str(scorer.get_signature()), **extra(result, options)})
    return rows


def bleu_extra(result, options):
    row = {"precisions": result.precisions, "brevityPenalty": result.bp, "hypothesisLength": result.sys_len,
           "referenceLength": result.ref_len}
    if options.get("smoothing") != "add-k":  # where sacreBLEU's counts are the smoothed ones
        row |= {"counts": result.counts, "totals": result.totals}
    return row


def sentences(metric, options):
    scorer = make(metric, options)
    rows = []
    for first, second, *outputs in SENTENCES:
        references = [first] if second is None else [first, second]
        rows.append([scorer.sentence_score(output, references).score for output in outputs])
    return rows


def bootstrap():
    metrics = {"bleu": BLEU(), "chrf": CHRF(), "ter": TER()}
    _, results = PairedTest([("a", A), ("b", B)], metrics, [REFERENCES], test_type="bs", n_samples=1000)()
    rows = []
    for key, name in (("bleu", "BLEU"), ("chrf", "chrF2"), ("ter", "TER")):
        a, b = results[name]
        rows.append({"metric": key, "pValue": b.p_value, **{
            side: {"score": result.score, "mean": float(result.mean), "halfWidth": float(result.ci)}
            for side, result in (("a", a), ("b", b))}})
    return rows


def significance():
    rng = np.random.default_rng(3)
    rows = []
    for count, shift in ((7, 0.0), (40, 0.7), (101, 1.5)):
        a = rng.normal(30, 1, count).round(4)
        b = (a + rng.normal(shift, 0.8, count)).round(4)
        difference = float(round(shift + 0.1, 4))
        samples = np.abs(b - a)
        mean, half_width = estimate_ci(a)
        rows.append({"a": a.tolist(), "b": b.tolist(), "difference": difference, "mean": float(mean),
                     "halfWidth": float(half_width), "pValue": _compute_p_value(samples - samples.mean(), difference)})
    return rows


def real():
    lines = (OUT.parent / "translations.tsv").read_text(encoding="utf-8").splitlines()
    references, *systems = zip(*(line.split("\t") for line in lines))
    metrics = {
        "bleu": [{}, {"tokenize": "intl"}, {"tokenize": "none", "lowercase": True}],
        "chrf": [{}, {"wordOrder": 2}],
        "ter": [{}, {"normalized": True}],
    }
    classes = {"bleu": BLEU, "chrf": CHRF, "ter": TER}
    return [
        {"metric": name, "system": system, "options": options,
         "score": make(classes[name], options).corpus_score(list(outputs), [list(references)]).score}
        for name, all_options in metrics.items() for options in all_options for system, outputs in zip("ab", systems)
    ]


OUT.write_text(json.dumps({
    "sentences": {"references": REFERENCES, "secondReferences": SECOND, "a": A, "b": B},
    "bleu": corpora(BLEU, BLEU_OPTIONS, bleu_extra),
    "chrf": corpora(CHRF, CHRF_OPTIONS, lambda result, _: {"name": result.name}),
    "ter": corpora(TER, TER_OPTIONS, lambda result, _: {"edits": result.num_edits, "referenceLength": result.ref_length}),
    "sentenceBleu": sentences(BLEU, {"effectiveOrder": True}),
    "sentenceBleuIntl": sentences(BLEU, {"effectiveOrder": True, "tokenize": "intl", "lowercase": True}),
    "sentenceChrf": sentences(CHRF, {"wordOrder": 2}),
    "sentenceTer": sentences(TER, {}),
    "bootstrap": bootstrap(),
    "significance": significance(),
    "real": real(),
}, ensure_ascii=False, indent=1) + "\n")
