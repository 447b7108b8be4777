//! Serves the truth itself, which is not counted among the requests.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Response, StatusCode};

use crate::body::{Body, Cut, Truth};
use crate::request::read;
use crate::route::Target;
use crate::serve::Site;
use crate::tap::Conn;

/// Answers `/_truth`.
///
/// # Errors
///
/// [`Cut`] when the client broke off its own request.
pub(crate) async fn tell(
    site: &Site,
    conn: Arc<Conn>,
    method: &Method,
    body: Incoming,
) -> Result<Response<Body>, Cut> {
    read(body, false).await.map_err(|_| Cut)?;
    let kept = site.log.kept();
    if *method == Method::DELETE {
        site.log.clear();
    }
    let allowed = Target::Truth.methods_without(method);
    let (status, entries) = match *method {
        _ if allowed.is_some() => (StatusCode::METHOD_NOT_ALLOWED, Vec::new()),
        Method::DELETE => (StatusCode::NO_CONTENT, Vec::new()),
        _ => (StatusCode::OK, kept.entries),
    };
    let mut response = Response::new(Body::Truth(Truth::new(conn, entries)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if let Some(methods) = allowed {
        headers.insert(ALLOW, HeaderValue::from_static(methods));
    }
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/x-ndjson"),
    );
    headers.insert("x-truth-received", HeaderValue::from(kept.received));
    headers.insert("x-truth-dropped", HeaderValue::from(kept.dropped));
    headers.insert(
        "x-truth-clock",
        HeaderValue::from_static(site.log.clock.name()),
    );
    Ok(response)
}
