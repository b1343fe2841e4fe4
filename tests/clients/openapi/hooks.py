"""How bodies that are no JSON are sent: as they were made."""

import schemathesis

MEDIA_TYPES = [
    "text/csv",
    "application/x-ndjson",
    "application/vnd.apache.parquet",
    "application/vnd.apache.arrow.stream",
    "application/vnd.apache.arrow.file",
]


@schemathesis.serializer(*MEDIA_TYPES)
def raw(context, value):
    return value if isinstance(value, bytes) else str(value).encode()
