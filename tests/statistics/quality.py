#!/usr/bin/env python3
"""Writes tests/fixtures/quality.json: what nannyml estimates and scikit-learn finds of the same scores.

    pip install -r tests/statistics/requirements.txt
    python3 tests/statistics/quality.py

A second run writes the same bytes. tests/quality.rs reads them. Each case is some hundred rows of nannyml's synthetic car
loans: the score as the model gave it, the decision at one half, the truth, and

- "estimated": nannyml's confidence-based estimates (CBPE) of the scores as they are, taken for calibrated;
- "realised": scikit-learn's figures, once the truth is known.
"""

import json
import os
from pathlib import Path

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"

import nannyml
import numpy as np
from nannyml.performance_estimation.confidence_based import metrics as cbpe
from sklearn import metrics

OUT = Path(__file__).parent.parent / "fixtures" / "quality.json"
ROWS = 400
STARTS = [0, 20_000, 30_000, 49_000]


def case(rows):
    scores = rows["y_pred_proba"].to_numpy(np.float64)
    decided = (scores >= 0.5).astype(int)
    truth = rows["repaid"].to_numpy(int)
    estimates = {
        "accuracy": cbpe.estimate_accuracy,
        "precision": cbpe.estimate_precision,
        "recall": cbpe.estimate_recall,
        "f1": cbpe.estimate_f1,
    }
    estimated = {name: float(estimate(decided, scores)) for name, estimate in estimates.items()}
    estimated["auc"] = float(cbpe.estimate_roc_auc(scores, scores))
    return {
        "scores": scores.tolist(),
        "truth": truth.tolist(),
        "estimated": estimated,
        "realised": {
            "accuracy": float(metrics.accuracy_score(truth, decided)),
            "precision": float(metrics.precision_score(truth, decided)),
            "recall": float(metrics.recall_score(truth, decided)),
            "f1": float(metrics.f1_score(truth, decided)),
            "auc": float(metrics.roc_auc_score(truth, scores)),
        },
    }


def main():
    _, analysis, targets = nannyml.load_synthetic_car_loan_dataset()
    table = analysis.merge(targets, on="id") if "id" in targets else analysis.join(targets)
    cases = [case(table.iloc[start : start + ROWS]) for start in STARTS]
    OUT.write_text(json.dumps(cases, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
