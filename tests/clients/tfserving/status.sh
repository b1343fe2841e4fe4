#!/usr/bin/env bash
# "Model status API" and "Model Metadata API". `name` and `ready` are KServe's and stand beside what is documented.
. "$(dirname "$0")/common.sh"

documented='{
 "model_version_status": [
  {
   "version": "123",
   "state": "AVAILABLE",
   "status": {
    "error_code": "OK",
    "error_message": ""
   }
  }
 ]
}'
beside() { "$PYTHON" -c '
import json, sys
document = json.load(sys.stdin)
assert (document.pop("name"), document.pop("ready")) == ("half_plus_three", True), document
print(json.dumps(document))'; }

same "the status" "$documented" "$(curl -s "$URL/v1/models/half_plus_three" | beside)"
same "of a version" "$documented" "$(curl -s "$URL/v1/models/half_plus_three/versions/123" | beside)"
same "of a label" "$documented" "$(curl -s "$URL/v1/models/half_plus_three/labels/stable" | beside)"
refused "of a version that is not there" 404 "half_plus_three" "$URL/v1/models/half_plus_three/versions/7"

# There is no signature of TensorFlow to show: inputs and outputs come as in the Open Inference Protocol.
tensor() { echo "[{\"name\": \"$1\", \"datatype\": \"FP32\", \"shape\": [-1]}]"; }
same "the metadata (not in TensorFlow's form)" \
    "{\"name\": \"half_plus_three\", \"version\": \"123\", \"platform\": \"onnx_onnxv1\", \"inputs\": $(tensor x), \"outputs\": $(tensor y)}" \
    "$(curl -s "$URL/v1/models/half_plus_three/metadata")"
