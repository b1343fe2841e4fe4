//! Which of the templates a path fits. The router knows, but asking it costs every request;
//! this is for those few that are told of by their templates.

use std::sync::LazyLock;

use super::v1::predict;

static TEMPLATES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let mut templates: Vec<_> = super::routes().into_iter().map(|(_, path, _)| path).collect();
    // Where two fit, the router takes the one that says more.
    templates.sort_by_key(|template| template.matches('{').count());
    templates.dedup();
    templates
});

/// Paths of v1 end in a verb, which the router leaves to the handler.
const WITH_VERB: [(&str, &str); 3] = [
    ("/v1/models/{model}", "/v1/models/{model}:predict"),
    ("/v1/models/{model}/versions/{version}", "/v1/models/{model}/versions/{version}:predict"),
    ("/v1/models/{model}/labels/{label}", "/v1/models/{model}/labels/{label}:predict"),
];

/// None if no template fits.
pub(super) fn of(path: &str) -> Option<&'static str> {
    let template = TEMPLATES.iter().find(|template| fits(template, path))?;
    let verb = WITH_VERB.iter().find(|(bare, _)| bare == template);
    let verb = verb.filter(|_| predict::is_called(path));
    Some(verb.map_or(template, |(_, with_verb)| with_verb))
}

/// Whether a path is one that machines ask for again and again.
pub(super) fn is_probe(path: &str) -> bool {
    matches!(
        path,
        "/" | "/healthz"
            | "/readyz"
            | "/metrics"
            | "/metrics/drift"
            | "/v2/health/live"
            | "/v2/health/ready"
    ) || (path.starts_with("/v2/models/") && path.ends_with("/ready"))
}

fn fits(template: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            // It stands for the rest of the path.
            (Some(wanted), Some(given)) if wanted.starts_with("{*") => return !given.is_empty(),
            (Some(wanted), Some(given)) => {
                let is_any = wanted.starts_with('{') && !given.is_empty();
                if !is_any && wanted != given {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_of_the_table_has_its_own_template() {
        for (_, template, _) in crate::http::routes() {
            let path = template.replace('{', "a").replace('*', "b/c").replace('}', "d");
            assert_eq!(of(&path), Some(template), "{path}");
        }
    }

    #[test]
    fn what_probes_and_scrapers_ask_for_is_told_apart() {
        let watching = crate::http::watching().map(|route| route.path);
        let more = ["/", "/v2/health/live", "/v2/health/ready"];
        for (_, path, _) in crate::http::routes() {
            let is_readiness = path.ends_with("/ready") && path.starts_with("/v2/models/");
            let expected = watching.contains(&path) || more.contains(&path) || is_readiness;
            assert_eq!(is_probe(path), expected, "{path}");
        }
    }

    #[test]
    fn what_the_router_does_not_know_has_none() {
        for path in ["", "/v2/models//infer", "/v2/models/a/infer/", "/x", "/v2/models/a/b/c/d"] {
            assert_eq!(of(path), None, "{path}");
        }
        assert_eq!(of("/v2/models/stats"), Some("/v2/models/stats"));
        assert_eq!(of("/v1/models/m:predict"), Some("/v1/models/{model}:predict"));
        assert_eq!(of("/v1/models/m"), Some("/v1/models/{model}"));
        assert_eq!(of("/ui/views/try/json.js"), Some("/ui/{*file}"));
        assert_eq!([of("/ui"), of("/ui/")], [None, None]);
    }
}
