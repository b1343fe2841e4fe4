"""Writes the rows that the models were trained on, in order of time, for `onnxd profile`; or those of another month,
to compare with them.

    pip install -r models/requirements.txt
    python3 models/flight-delay/reference.py training.csv
    python3 models/flight-delay/reference.py july.csv 7
"""

import sys

import train


def main(path, month=None):
    table = train.read()
    rows = table[table["month"] == int(month)] if month else train.split(table)[0]
    rows = rows.sort_values("time_hour", kind="stable")
    columns = ["time_hour", *train.COLUMNS, "answer"]
    rows[columns].rename(columns={"answer": "late"}).to_csv(path, index=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
