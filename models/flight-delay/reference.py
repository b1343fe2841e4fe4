"""Writes the rows that the models were trained on, in order of time, for `onnxd profile`.

    pip install -r models/requirements.txt
    python3 models/flight-delay/reference.py training.csv
"""

import sys

import train


def main(path):
    training, _ = train.split(train.read())
    training = training.sort_values("time_hour", kind="stable")
    columns = ["time_hour", *train.COLUMNS, "answer"]
    training[columns].rename(columns={"answer": "late"}).to_csv(path, index=False)


if __name__ == "__main__":
    main(sys.argv[1])
