#!/usr/bin/env bash
# "An incorrect request URL or body returns an HTTP error status", and what is not served.
. "$(dirname "$0")/common.sh"

refused "a model that is not there" 404 "half" \
    -d '{"instances": [1.0,5.0]}' -X POST "$URL/v1/models/half:predict"
refused "neither form" 400 "Missing 'inputs' or 'instances' key" \
    -d '{}' "$URL/v1/models/half_plus_three:predict"
refused "both forms" 400 "came both" \
    -d '{"inputs": [1.0], "instances": [1.0]}' "$URL/v1/models/half_plus_three:predict"
refused "a body that is no JSON" 400 "malformed JSON" \
    -d '{"instances": [1.0' "$URL/v1/models/half_plus_three:predict"

# tf.Example has no counterpart in ONNX.
refused "regress is not served" 404 "unknown verb ':regress'" \
    -d '{"signature_name": "tensorflow/serving/regress", "examples": [{"x": 1.0}, {"x": 2.0}]}' \
    -X POST "$URL/v1/models/half_plus_three:regress"
refused "classify is not served" 404 "unknown verb ':classify'" \
    -d '{"examples": [{"x": 1.0}]}' "$URL/v1/models/half_plus_three:classify"
