//! Texts that stay the same for as long as the process lives: documents and the files of pages.
//! Each has a tag by which a browser knows what it has, and is packed once for all that accept it.

use std::sync::OnceLock;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;

use crate::coding::{self, Coding};
use crate::{away, digest};

/// A text that never changes, and by what it is known.
pub(super) struct Text {
    body: Bytes,
    kind: HeaderValue,
    /// Eight digits of its digest.
    digest: String,
    /// What a browser may do with it.
    policy: Option<HeaderValue>,
    packed: OnceLock<Bytes>,
}

impl Text {
    pub(super) fn new(body: impl Into<Bytes>, kind: HeaderValue) -> Self {
        let body = body.into();
        let digest = digest::short(&body);
        Self { body, kind, digest, policy: None, packed: OnceLock::new() }
    }

    pub(super) fn with_policy(self, policy: Option<HeaderValue>) -> Self {
        Self { policy, ..self }
    }

    pub(super) fn body(&self) -> &Bytes {
        &self.body
    }

    #[cfg(test)]
    pub(super) fn kind(&self) -> &HeaderValue {
        &self.kind
    }

    /// By gzip. The first time takes milliseconds.
    pub(super) fn packed(&self) -> &Bytes {
        self.packed.get_or_init(|| coding::pack(&self.body).into())
    }

    /// The text, or that whoever asks has it.
    pub(super) async fn answer(&'static self, asked: &HeaderMap) -> Response {
        let is_packed = Coding::for_answer(asked, self.body.len()) == Coding::Gzip;
        let tag = self.tag(is_packed);
        let is_known = tag.as_ref().is_some_and(|tag| names(asked, tag));
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        // Another version of the server has other texts.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if let Some(tag) = tag {
            headers.insert(header::ETAG, tag);
        }
        if let Some(policy) = &self.policy {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy.clone());
        }
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        headers.insert(header::CONTENT_TYPE, self.kind.clone());
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        let body = if is_packed {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            self.packed_away().await
        } else {
            &self.body
        };
        *response.body_mut() = Body::from(body.clone());
        response
    }

    async fn packed_away(&'static self) -> &'static Bytes {
        if let Some(packed) = self.packed.get() {
            return packed;
        }
        // Packing does not panic; if it did, it would do so here again.
        away::blocking(|| self.packed()).await.unwrap_or_else(|_| self.packed())
    }

    /// Of the bytes that are sent: packed ones are others.
    fn tag(&self, is_packed: bool) -> Option<HeaderValue> {
        let packed = if is_packed { "-gzip" } else { "" };
        HeaderValue::try_from(format!("\"{}{packed}\"", self.digest)).ok()
    }
}

/// Whether `If-None-Match` names this tag (RFC 9110, 13.1.2).
fn names(asked: &HeaderMap, tag: &HeaderValue) -> bool {
    let lists = asked.get_all(header::IF_NONE_MATCH).iter();
    let tags = lists.filter_map(|list| list.to_str().ok()).flat_map(|list| list.split(','));
    let mut tags = tags.map(|tag| tag.trim().trim_start_matches("W/"));
    tags.any(|known| known == "*" || known.as_bytes() == tag.as_bytes())
}
