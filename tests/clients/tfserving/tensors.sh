#!/usr/bin/env bash
# The requests of "Specifying input tensors in row format" and "... in column format", and what
# "Response format" says of their answers. The models give back what they take.
. "$(dirname "$0")/common.sh"

rows='[
   {"tag": "foo", "signal": [1, 2, 3, 4, 5], "sensor": [[1, 2], [3, 4]]},
   {"tag": "bar", "signal": [3, 4, 1, 2, 5], "sensor": [[4, 5], [6, 8]]}
]'
columns='{
   "tag": ["foo", "bar"],
   "signal": [[1, 2, 3, 4, 5], [3, 4, 1, 2, 5]],
   "sensor": [[[1, 2], [3, 4]], [[4, 5], [6, 8]]]
}'
# Outputs have names of their own.
outputs() { sed 's/"\(tag\|signal\|sensor\)"/"\1_out"/g' <<<"$1"; }

same "scalars in a list" '{"predictions": ["foo", "bar", "baz"]}' \
    "$(curl -s -d '{"instances": ["foo", "bar", "baz"]}' "$URL/v1/models/texts:predict")"
same "two tensors of shape [1, 2]" '{"predictions": [[[1, 2]], [[3, 4]]]}' \
    "$(curl -s -d '{"instances": [[[1, 2]], [[3, 4]]]}' "$URL/v1/models/pairs:predict")"
same "three inputs in rows" "{\"predictions\": $(outputs "$rows")}" \
    "$(curl -s -d "{\"instances\": $rows}" "$URL/v1/models/three_inputs:predict")"
same "three inputs in columns" "{\"outputs\": $(outputs "$columns")}" \
    "$(curl -s -d "{\"inputs\": $columns}" "$URL/v1/models/three_inputs:predict")"
