import csv
import sys
from collections import Counter


def count_by_column(path, column):
    with open(path, newline="") as file:
        return Counter(row[column] for row in csv.DictReader(file))


if __name__ == "__main__":
    for value, count in count_by_column(sys.argv[1], sys.argv[2]).most_common():
        print(f"{count:8d}  {value}")
