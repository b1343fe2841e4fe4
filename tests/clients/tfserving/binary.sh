#!/usr/bin/env bash
# "Encoding binary values": base64 in an object with the key `b64`. Texts of ONNX are UTF-8, so that they
# come back as texts; outputs whose names end in `_bytes` are no exception, as they are in TensorFlow Serving.
. "$(dirname "$0")/common.sh"

bytes='{ "b64": "aW1hZ2UgYnl0ZXM=" }'
more='{ "b64": "YXdlc29tZSBpbWFnZSBieXRlcw==" }'

same "rows" '{"predictions": ["image bytes", "awesome image bytes"]}' \
    "$(curl -s -d "{\"instances\": [$bytes, $more]}" "$URL/v1/models/texts:predict")"
same "rows with names" '{"predictions": ["image bytes", "awesome image bytes"]}' \
    "$(curl -s -d "{\"instances\": [{\"text\": $bytes}, {\"text\": $more}]}" "$URL/v1/models/texts:predict")"
same "columns" '{"outputs": ["image bytes", "awesome image bytes"]}' \
    "$(curl -s -d "{\"inputs\": [$bytes, $more]}" "$URL/v1/models/texts:predict")"
refused "bytes that are no text" 400 "UTF-8" \
    -d '{"instances": [{"b64": "/w=="}]}' "$URL/v1/models/texts:predict"
