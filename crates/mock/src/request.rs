//! Reads the bodies of requests, up to a limit.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};

/// The most bytes of a request's body.
pub(crate) const MOST_BODY: usize = 16 * 1024 * 1024;

/// Why a request's body could not be read.
pub(crate) enum Unread {
    TooLarge,
    ClientLeft,
}

/// Reads a request's body to its end, and keeps it if asked to.
pub(crate) async fn read(mut body: Incoming, keep: bool) -> Result<Bytes, Unread> {
    if body.size_hint().lower() > MOST_BODY as u64 {
        return Err(Unread::TooLarge);
    }
    let mut kept = BytesMut::new();
    let mut size = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Unread::ClientLeft)?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        size += data.len();
        if size > MOST_BODY {
            return Err(Unread::TooLarge);
        }
        if keep {
            kept.extend_from_slice(&data);
        }
    }
    Ok(kept.freeze())
}
