//! The table of settings.

/// One setting and where it can be given.
#[derive(Debug)]
pub struct Setting {
    /// `--NAME` on the command line, `NAME = …` in the file.
    pub name: &'static str,
    /// Other spellings on the command line.
    pub aliases: &'static [&'static str],
    /// The environment variable.
    pub environment: &'static str,
    /// Empty where the setting may stay unset.
    pub default: &'static str,
    /// What the value looks like.
    pub value: &'static str,
    pub help: &'static str,
}

macro_rules! settings {
    ($($constant:ident: $name:literal, $environment:literal, $value:literal = $default:literal
        $([$($alias:literal),*])?, $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $constant: Setting = Setting {
                name: $name,
                aliases: &[$($($alias),*)?],
                environment: $environment,
                default: $default,
                value: $value,
                help: $help,
            };
        )*

        /// Every setting, in the order of `--help`.
        pub const ALL: &[&Setting] = &[$(&$constant),*];
    };
}

settings! {
    MODELS: "models", "ONNXD_MODELS", "SOURCE" = "models" ["model-dir", "model_dir"],
        "A model repository, a directory with one model, or an .onnx file; a path, or a URL with file, s3, gs, az, http or https";
    MODEL_NAME: "model-name", "ONNXD_MODEL_NAME", "NAME" = "" ["model_name"],
        "Name of a single model, instead of its directory's or file's";
    HTTP_ADDR: "http-addr", "ONNXD_HTTP_ADDR", "ADDR" = "127.0.0.1:8080",
        "Address to serve on; port 0 takes a free one";
    HTTP_PORT: "http-port", "ONNXD_HTTP_PORT", "PORT" = "" ["http_port"],
        "Serve on this port of all addresses, as KServe asks for; instead of http-addr";
    GRPC_ADDR: "grpc-addr", "ONNXD_GRPC_ADDR", "ADDR" = "",
        "Serve gRPC here; without it there is none";
    METRICS_ADDR: "metrics-addr", "ONNXD_METRICS_ADDR", "ADDR" = "",
        "Serve /metrics and the probes here too";
    TRITON_METRICS: "triton-metrics", "ONNXD_TRITON_METRICS", "BOOL" = "false",
        "Show totals under Triton's names of metrics, too";
    PROMETHEUS_URL: "prometheus-url", "ONNXD_PROMETHEUS_URL", "URL" = "",
        "Where people find the Prometheus that watches this server: the dashboard links there";
    AUTH_KEYS: "auth-keys", "ONNXD_AUTH_KEYS", "FILE" = "",
        "Ask for keys: a TOML file with their digests and roles, read again when it changes";
    TLS_CERT: "tls-cert", "ONNXD_TLS_CERT", "FILE" = "",
        "Speak TLS: the server's certificate in PEM, with those between it and a root";
    TLS_KEY: "tls-key", "ONNXD_TLS_KEY", "FILE" = "",
        "The private key of tls-cert in PEM";
    TLS_CLIENT_CA: "tls-client-ca", "ONNXD_TLS_CLIENT_CA", "FILE" = "",
        "Demand certificates of clients that these sign, in PEM; not on metrics-addr";
    INSECURE: "insecure", "ONNXD_INSECURE", "BOOL" = "false",
        "Serve other machines without keys and certificates of clients";
    OPEN_OPERATE: "open-operate", "ONNXD_OPEN_OPERATE", "BOOL" = "false",
        "Without keys, let other machines also load, route and start jobs";
    MAX_CONNECTIONS: "max-connections", "ONNXD_MAX_CONNECTIONS", "N" = "16384",
        "Connections of each address at the same time; more are closed at once";
    POLL: "poll", "ONNXD_POLL", "TIME" = "2s",
        "Time between two looks at the models, or 'off' to look once";
    CACHE_DIR: "cache-dir", "ONNXD_CACHE_DIR", "DIR" = "",
        "Where copies of models behind a URL are kept; in ~/.cache/onnxd by default";
    FETCH_THREADS: "fetch-threads", "ONNXD_FETCH_THREADS", "N" = "4",
        "Files that are downloaded at the same time";
    PUBLIC_KEY: "public-key", "ONNXD_PUBLIC_KEY", "KEY" = "",
        "A minisign public key, or its file: signatures of models must be made with it";
    REQUIRE_SIGNATURES: "require-signatures", "ONNXD_REQUIRE_SIGNATURES", "BOOL" = "false",
        "Refuse models without a signature";
    MAX_BODY: "max-body", "ONNXD_MAX_BODY", "BYTES" = "64MiB",
        "Largest request body, before and after decompression";
    DEADLINE: "deadline", "ONNXD_DEADLINE", "TIME" = "30s",
        "Time for one request, unless model.toml says otherwise";
    QUEUE: "queue", "ONNXD_QUEUE", "N" = "512",
        "Requests that may wait for one model version, unless model.toml says otherwise";
    READ_TIMEOUT: "read-timeout", "ONNXD_READ_TIMEOUT", "TIME" = "30s",
        "Time for a client to send the head of a request, and again for its body";
    MAX_SCORES: "max-scores", "ONNXD_MAX_SCORES", "N" = "2",
        "Files that requests may have scored at the same time";
    MAX_SCORE_FILE: "max-score-file", "ONNXD_MAX_SCORE_FILE", "BYTES" = "1GiB",
        "Largest Parquet file in a request to score, which lies in a temporary file meanwhile";
    THREADS: "threads", "ONNXD_THREADS", "N" = "cores",
        "Threads that run models, or 'cores'";
    IO_THREADS: "io-threads", "ONNXD_IO_THREADS", "N" = "cores",
        "Threads that read and write requests, or 'cores'";
    LOAD_THREADS: "load-threads", "ONNXD_LOAD_THREADS", "N" = "cores",
        "Models that load at the same time, or 'cores'";
    LOAD_SHARE: "load-share", "ONNXD_LOAD_SHARE", "PERCENT" = "3",
        "Of a core, what loading a model takes while requests keep the server busy";
    COMPILE_THREADS: "compile-threads", "ONNXD_COMPILE_THREADS", "N" = "1",
        "Threads that compile plans for new input shapes, or 'cores'";
    MAX_PLANS: "max-plans", "ONNXD_MAX_PLANS", "N" = "16",
        "Compiled plans kept per model version";
    MAX_PLAN_MEMORY: "max-plan-memory", "ONNXD_MAX_PLAN_MEMORY", "BYTES" = "1GiB",
        "Estimated memory of the plans kept per model version";
    PASSES: "passes", "ONNXD_PASSES", "NAMES" = "all",
        "Changes that make networks faster: 'all', 'none', or names with commas between";
    MODEL_CONTROL: "model-control", "ONNXD_MODEL_CONTROL", "WHO" = "poll",
        "Who decides which models are served: 'poll', all of the repository, or 'explicit', requests to load and unload";
    STATE_DIR: "state-dir", "ONNXD_STATE_DIR", "PATH" = "",
        "Directory where routing, rollbacks and what was loaded are kept across restarts";
    FEEDBACK_KEY: "feedback-key", "ONNXD_FEEDBACK_KEY", "FILE" = "",
        "File with the secret that signs tokens of predictions, the same on all replicas; without it tokens end with the process";
    MAX_MODEL_MEMORY: "max-model-memory", "ONNXD_MAX_MODEL_MEMORY", "BYTES" = "",
        "Memory that all models may take together, by their estimates";
    WAKE: "wake", "ONNXD_WAKE", "HOW" = "wait",
        "A request for a model that left memory: 'wait' until it is back, or 'refuse' with 503 meanwhile";
    JOB_ROOT: "job-root", "ONNXD_JOB_ROOT", "DIR" = "",
        "Directory that batch jobs may read and write; without it and job-prefixes there are none";
    JOB_PREFIXES: "job-prefixes", "ONNXD_JOB_PREFIXES", "URLS" = "",
        "URLs below which batch jobs may read and write, with commas between";
    MAX_JOBS: "max-jobs", "ONNXD_MAX_JOBS", "N" = "1",
        "Batch jobs that run at the same time";
    JOB_QUEUE: "job-queue", "ONNXD_JOB_QUEUE", "N" = "1000",
        "Batch jobs that may wait";
    JOB_THREADS: "job-threads", "ONNXD_JOB_THREADS", "N" = "cores",
        "Threads of each batch job, or 'cores'";
    JOB_SHARE: "job-share", "ONNXD_JOB_SHARE", "PERCENT" = "15",
        "Of a core, what each thread of a batch job takes while requests keep the server busy";
    JOB_HISTORY: "job-history", "ONNXD_JOB_HISTORY", "N" = "1000",
        "Batch jobs that have ended and are still known";
    LOG: "log", "ONNXD_LOG", "FORM" = "text",
        "Form of the log lines: text or json";
    LOG_FILTER: "log-filter", "ONNXD_LOG_FILTER", "FILTER" = "info",
        "What is logged: error, warn, info, debug, trace, or target=level pairs";
    LOG_REQUESTS: "log-requests", "ONNXD_LOG_REQUESTS", "SHARE" = "0",
        "Of all requests, those that get a line in the log, from 0 to 1; failures get one anyway";
    OTLP_ENDPOINT: "otlp-endpoint", "ONNXD_OTLP_ENDPOINT", "URL" = "",
        "Send traces to this collector, by OTLP over HTTP: its URL without the path /v1/traces";
    TRACE_SAMPLE: "trace-sample", "ONNXD_TRACE_SAMPLE", "SHARE" = "0.01",
        "Of the requests that belong to no trace, those that begin a trace, from 0 to 1";
    SERVICE_NAME: "service-name", "ONNXD_SERVICE_NAME", "NAME" = "onnxd",
        "What traces call this server";
    PAYLOAD_LOG: "payload-log", "ONNXD_PAYLOAD_LOG", "SINK" = "",
        "Keep bodies of predictions and their answers: at a URL of HTTP, or in a file, its path behind 'file:'";
    PAYLOAD_SAMPLE: "payload-sample", "ONNXD_PAYLOAD_SAMPLE", "SHARE" = "1",
        "Of the predictions, those whose bodies are kept, from 0 to 1";
    PAYLOAD_MODE: "payload-mode", "ONNXD_PAYLOAD_MODE", "MODE" = "all",
        "Which bodies are kept: all, request or response";
    PAYLOAD_MAX_BYTES: "payload-max-bytes", "ONNXD_PAYLOAD_MAX_BYTES", "BYTES" = "1MiB",
        "Bodies that are larger are not kept";
    PAYLOAD_QUEUE: "payload-queue", "ONNXD_PAYLOAD_QUEUE", "BYTES" = "64MiB",
        "Memory of bodies that wait to be written; more are dropped";
    PAYLOAD_FILE_BYTES: "payload-file-bytes", "ONNXD_PAYLOAD_FILE_BYTES", "BYTES" = "100MiB",
        "Size at which a file of bodies is put aside";
    PAYLOAD_FILES: "payload-files", "ONNXD_PAYLOAD_FILES", "N" = "5",
        "Files of bodies that are kept";
    PAYLOAD_ATTRIBUTES: "payload-attributes", "ONNXD_PAYLOAD_ATTRIBUTES", "PAIRS" = "",
        "Attributes of the events that hold bodies, name=value with commas between";
    SHUTDOWN_DELAY: "shutdown-delay", "ONNXD_SHUTDOWN_DELAY", "TIME" = "0s",
        "Time between 'not ready' and the end of accepting connections";
    SHUTDOWN_TIMEOUT: "shutdown-timeout", "ONNXD_SHUTDOWN_TIMEOUT", "TIME" = "30s",
        "Time for requests under way to end";
}

/// The variable that OpenTelemetry gives the same meaning. It counts less than the program's own
/// settings: it is often set for all programs of a machine.
#[must_use]
pub fn standard_variable(setting: &Setting) -> Option<&'static str> {
    match setting.name {
        name if name == OTLP_ENDPOINT.name => Some("OTEL_EXPORTER_OTLP_ENDPOINT"),
        name if name == SERVICE_NAME.name => Some("OTEL_SERVICE_NAME"),
        _ => None,
    }
}
