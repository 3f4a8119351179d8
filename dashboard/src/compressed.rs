//! Answers in JSON are sent compressed to whoever takes them so: an alert and a series shrink to less than a half, and a phone
//! waits for bytes rather than for hark.

use std::io::Write;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;

/// What fits into one packet arrives no sooner for being smaller.
const BYTES_MIN: u64 = 1_400;
/// A longer answer is sent as it is: it is a program's, and would be held twice.
const BYTES_MAX: u64 = 32 << 20;

/// Compresses what the handlers below it answer. Streams have no length and are left alone.
pub(crate) async fn compress(request: Request, next: Next) -> Response {
    let is_asked_for = hark_dashboard_assets::accepts(request.headers(), "gzip");
    let mut response = next.run(request).await;
    let length = response.body().size_hint().exact();
    if !is_json(&response) || !length.is_some_and(|length| (BYTES_MIN..=BYTES_MAX).contains(&length)) {
        return response;
    }
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
    if !is_asked_for || response.headers().contains_key(header::CONTENT_ENCODING) {
        return response;
    }

    let (mut parts, body) = response.into_parts();
    let Ok(plain) = axum::body::to_bytes(body, BYTES_MAX as usize).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    // Milliseconds for the longest: not on a thread that others' requests wait for.
    let packed = tokio::task::spawn_blocking(move || gzip(&plain)).await;
    let Ok(Ok(small)) = packed else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    Response::from_parts(parts, Body::from(small))
}

fn is_json(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/json"))
}

/// The fastest level: the next ones save a few percent, and take twice as long.
fn gzip(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::fast());
    encoder.write_all(plain)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpStream;

    use axum::routing::get;
    use axum::{Json, Router, middleware};
    use flate2::read::GzDecoder;

    use super::*;

    async fn answer_to(path: &'static str, accepted: &'static str) -> (String, Vec<u8>) {
        let long = || async { Json(vec!["hark"; 1_000]) };
        let router = Router::new()
            .route("/long", get(long))
            .route("/short", get(|| async { Json("hark") }))
            .route("/text", get(|| async { "hark ".repeat(1_000) }))
            .layer(middleware::from_fn(compress));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            let request = format!("GET {path} HTTP/1.1\r\nhost: hark\r\nconnection: close\r\n{accepted}\r\n");
            stream.write_all(request.as_bytes()).unwrap();
            let mut all = Vec::new();
            stream.read_to_end(&mut all).unwrap();
            let end = all.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
            (String::from_utf8_lossy(&all[..end]).into_owned(), all[end..].to_vec())
        })
        .await
        .unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn long_json_is_compressed_for_those_who_ask() {
        let (head, body) = answer_to("/long", "accept-encoding: gzip, br\r\n").await;
        assert!(head.contains("content-encoding: gzip") && head.contains("vary: accept-encoding"), "{head}");
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
        let mut text = String::new();
        GzDecoder::new(&body[..]).read_to_string(&mut text).unwrap();
        assert_eq!(serde_json::from_str::<Vec<String>>(&text).unwrap().len(), 1_000);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn anything_else_is_sent_as_it_is() {
        let asked = "accept-encoding: gzip\r\n";
        for (path, accepted) in
            [("/long", ""), ("/long", "accept-encoding: gzip;q=0\r\n"), ("/short", asked), ("/text", asked)]
        {
            let (head, body) = answer_to(path, accepted).await;
            assert!(!head.contains("content-encoding"), "{path} {accepted:?}: {head}");
            assert!(String::from_utf8_lossy(&body).contains("hark"), "{path}");
        }
    }
}
