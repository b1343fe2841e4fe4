"""The operators for texts, one node each."""

import numpy as np

from exports_shared import by_hand

SAID = [
    "The Engine was LOUD",
    "a  smooth flight, friendly crew",
    "late;late;later",
    "Ünï Çode ÉTÉ",
    "a",
    "one two one two",
]


def column(*texts):
    return np.array(texts, object).reshape(-1, 1)


def flat(*texts):
    return np.array(texts, object)


FLAT = [flat(SAID[0]), flat(""), flat(*SAID, *reversed(SAID))]
COLUMN = [each.reshape(-1, 1) for each in FLAT]
WORDS = [flat("the"), flat("The", "the", "THE"), flat("a", "The", "cat", "Is", "on", "a", "MAT", "été")]


def text(name, operator, inputs, **more):
    inputs = inputs if isinstance(inputs, dict) else {"X": inputs}
    by_hand("texts by hand", name, operator, inputs, **{"domain": ""} | more)


text("normalizer-lower", "StringNormalizer", FLAT, case_change_action="LOWER")
text("normalizer-upper", "StringNormalizer", FLAT, case_change_action="UPPER", locale="en_US.UTF-8")
text("normalizer-none", "StringNormalizer", FLAT)
stop = {"stopwords": ["the", "a", "on"]}
text("normalizer-stop", "StringNormalizer", WORDS, case_change_action="LOWER", is_case_sensitive=0, **stop)
text("normalizer-stop-cased", "StringNormalizer", WORDS, case_change_action="NONE", is_case_sensitive=1, **stop)
text("normalizer-stop-upper", "StringNormalizer", WORDS, case_change_action="UPPER", is_case_sensitive=0, **stop)


def tokens(name, inputs, **more):
    text(f"tokenizer-{name}", "Tokenizer", inputs, domain="com.microsoft", **{"mark": 0, "pad_value": "#"} | more)


tokens("spaces", FLAT, separators=[" "], mincharnum=1)
tokens("separators", COLUMN, separators=[" ", ";", ","], mincharnum=1)
tokens("least", FLAT, separators=[" "], mincharnum=4)
tokens("marked", COLUMN, separators=[" "], mincharnum=1, mark=1)
tokens("expression", FLAT, tokenexp="[a-zA-Z]+", mincharnum=1)
tokens("expression-marked", COLUMN, tokenexp=r"\w\w+", mincharnum=2, mark=1, pad_value="<pad>")
tokens("characters", FLAT, separators=[""], mincharnum=1)

IDS = [np.array(each, np.int64) for each in ([[1, 2, 3, 4, 5]], [[9, 9, 9, 9, 9]])]
IDS.append(np.array([[(n * k) % 5 for k in range(5)] for n in range(12)], np.int64))
POOL = {"ngram_counts": [0, 4], "ngram_indexes": [0, 1, 2, 3, 4, 5, 6], "pool_int64s": [2, 3, 1, 4, 1, 2, 2, 4, 3, 1]}
for mode in "TF", "IDF", "TFIDF":
    for skips in 0, 2:
        text(
            f"ngrams-{mode.lower()}-skip-{skips}",
            "TfIdfVectorizer",
            IDS,
            mode=mode,
            min_gram_length=1,
            max_gram_length=2,
            max_skip_count=skips,
            weights=[0.5, 2.0, 1.0, 0.25, 3.0, 1.5, 0.75],
            **POOL,
        )
text(
    "ngrams-no-weights",
    "TfIdfVectorizer",
    IDS,
    mode="TFIDF",
    min_gram_length=2,
    max_gram_length=2,
    max_skip_count=1,
    **POOL,
)
text(
    "ngrams-int32",
    "TfIdfVectorizer",
    [rows.astype(np.int32) for rows in IDS],
    mode="TF",
    min_gram_length=1,
    max_gram_length=1,
    max_skip_count=0,
    **POOL,
)
SPLIT = [np.array([each.split()], object) for each in ("a b c a", "z z z z")]
SPLIT.append(np.array([["a", "b", "c", "abca"[n % 4]] for n in range(6)] + [["c", "b", "a", ""]] * 6, object))
text(
    "ngrams-texts",
    "TfIdfVectorizer",
    SPLIT,
    mode="TF",
    min_gram_length=1,
    max_gram_length=2,
    max_skip_count=1,
    ngram_counts=[0, 3],
    ngram_indexes=[2, 0, 1, 4, 3],
    pool_strings=["a", "b", "c", "a", "b", "b", "a"],
)

text("concat", "StringConcat", {"X": COLUMN, "Y": [each[::-1] for each in COLUMN]}, outputs=("Z",))
text("concat-broadcast", "StringConcat", {"X": COLUMN}, constants={"Y": flat("-a", "-b")}, outputs=("Z",))
text("split-spaces", "StringSplit", FLAT, outputs=("Y", "Z"))
text("split-delimiter", "StringSplit", FLAT, outputs=("Y", "Z"), delimiter=";")
text("split-most", "StringSplit", COLUMN, outputs=("Y", "Z"), delimiter=" ", maxsplit=1)
text(
    "match-mail",
    "RegexFullMatch",
    [column("a.b@c.org"), column(""), column("x@y", "x@y.zz", " x@y.zz", "é@y.zz")],
    pattern=r"[\w.]+@[\w]+\.[a-z]{2,}",
)
text(
    "match-plate",
    "RegexFullMatch",
    [flat("AB-12"), flat("AB-12\n"), flat("AB-1", "ab-12", "AB-123", "ABC-12")],
    pattern="[A-Z]{2}-[0-9]{2,3}",
)
