# Sourced by the scripts beside it: `URL` is the server, `PYTHON` compares JSON.
set -eu

# same NAME EXPECTED ACTUAL: fails unless both are the same JSON.
same() {
    "$PYTHON" -c '
import json, sys
name, expected, actual = sys.argv[1:]
if json.loads(expected) != json.loads(actual):
    sys.exit(f"{name}: expected {expected}, came {actual}")
' "$1" "$2" "$3"
    echo "$1: as documented"
}

# refused NAME STATUS TEXT ARGUMENTS...: curl with these must be answered with the status and an object
# {"error": ...} whose message holds the text.
refused() {
    local name="$1" status="$2" text="$3"
    shift 3
    "$PYTHON" -c '
import json, sys
name, status, text, answer = sys.argv[1:]
body, _, came = answer.rpartition("\n")
document = json.loads(body)
if came != status or list(document) != ["error"] or text not in document["error"]:
    sys.exit(f"{name}: expected {status} and an error with {text!r}, came {came} {body}")
' "$name" "$status" "$text" "$(curl -s -w '\n%{http_code}' "$@")"
    echo "$name: refused with $status"
}
