#!/usr/bin/env bash
# The example of "RESTful API", section "Example", and of "TensorFlow Serving with Docker".
. "$(dirname "$0")/common.sh"

same "half_plus_two, from the page on Docker" '{"predictions": [2.5, 3.0, 4.5]}' \
    "$(curl -s -d '{"instances": [1.0, 2.0, 5.0]}' -X POST "$URL/v1/models/half_plus_two:predict")"
same "half_plus_three" '{"predictions": [3.5, 4.0, 5.5]}' \
    "$(curl -s -d '{"instances": [1.0,2.0,5.0]}' -X POST "$URL/v1/models/half_plus_three:predict")"
same "the column format" '{"outputs": [3.5, 4.0, 5.5]}' \
    "$(curl -s -d '{"inputs": [1.0,2.0,5.0]}' -X POST "$URL/v1/models/half_plus_three:predict")"
same "the column format with names" '{"outputs": [3.5, 4.0, 5.5]}' \
    "$(curl -s -d '{"inputs": {"x": [1.0,2.0,5.0]}}' -X POST "$URL/v1/models/half_plus_three:predict")"
same "the row format with names" '{"predictions": [3.5, 4.0, 5.5]}' \
    "$(curl -s -d '{"instances": [{"x": 1.0}, {"x": 2.0}, {"x": 5.0}]}' -X POST "$URL/v1/models/half_plus_three:predict")"
same "a signature by name" '{"predictions": [3.5]}' \
    "$(curl -s -d '{"signature_name": "serving_default", "instances": [1.0]}' -X POST "$URL/v1/models/half_plus_three:predict")"
same "a version" '{"predictions": [3.5]}' \
    "$(curl -s -d '{"instances": [1.0]}' -X POST "$URL/v1/models/half_plus_three/versions/123:predict")"
same "a label" '{"predictions": [3.5]}' \
    "$(curl -s -d '{"instances": [1.0]}' -X POST "$URL/v1/models/half_plus_three/labels/stable:predict")"
