"""What scikit-learn does to texts."""

import numpy as np
from skl2onnx import to_onnx
from skl2onnx.common.data_types import StringTensorType
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline, make_union

from exports_shared import export

SAID = """The engine was loud and the cabin cold
A smooth flight, friendly crew!
Delayed two hours; nobody said a word.
Great seats, great food, great crew
The crew lost my bag and the bag of my wife
On time. Again.
Cold food and a loud cabin
Smooth landing, smooth boarding, on time
The flight was late and loud
Café crème, été, naïve Ünïcode
good good good
Lost bag. Lost two hours. Never again!""".splitlines()
GOOD = np.array([0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 1, 0])
EDGE = "xyzzy  --  THE"


def text(name, model, y=None, edge=EDGE, **more):
    """Texts are one column, or one axis where `flat`."""

    def make():
        texts = np.array(SAID, object)
        model.fit(texts, y) if y is not None else model.fit(texts)
        options = {id(part): dict(settings) for part, settings in more.get("options", ())} or None
        converted = to_onnx(model, initial_types=[("X", StringTensorType([None, 1]))], options=options)
        examples = [np.array([SAID[1]]), np.array([edge]), texts]
        return converted, [{"X": each.astype(object).reshape(-1, 1)} for each in examples]

    export("texts", name, make)


text("words-count", CountVectorizer())
text("words-count-empty", CountVectorizer(), edge="")
text("words-cased", CountVectorizer(lowercase=False))
text("words-only-two-grams", CountVectorizer(ngram_range=(2, 2), max_features=30))
grams = ["crew", "food", "great", "the", "bag", "great crew", "the crew", "good good good", "great food great", "good"]
text("words-three-grams", CountVectorizer(ngram_range=(1, 3), vocabulary=grams))
text("words-stop", CountVectorizer(stop_words=["the", "and", "a", "was"]))
text("words-token-pattern-numbers", CountVectorizer(token_pattern=r"[^\s,;.!]+"))
text("words-vocabulary", CountVectorizer(vocabulary=["crew", "flight", "good", "late"]))
text("characters-count", CountVectorizer(analyzer="char"))
grams = ["t", "h", "e", " ", "o", "th", "he", "the", " th", "oo", "é"]
text("characters-grams", CountVectorizer(analyzer="char", ngram_range=(1, 3), vocabulary=grams))
text("tfidf", TfidfVectorizer())
text("tfidf-l1", TfidfVectorizer(norm="l1", ngram_range=(1, 2), max_features=40))
text("tfidf-no-norm", TfidfVectorizer(norm=None, smooth_idf=False))
text("tfidf-characters", TfidfVectorizer(analyzer="char", ngram_range=(2, 2), max_features=40))
text("tfidf-logistic", make_pipeline(TfidfVectorizer(), LogisticRegression()), np.array(["bad", "good"])[GOOD])
text("tfidf-bayes", make_pipeline(TfidfVectorizer(ngram_range=(1, 2), max_features=50), MultinomialNB()), GOOD)
text(
    "tfidf-union",
    make_pipeline(
        make_union(TfidfVectorizer(max_features=30), CountVectorizer(analyzer="char", max_features=20)),
        SGDClassifier(loss="log_loss", random_state=0),
    ),
    GOOD,
)
