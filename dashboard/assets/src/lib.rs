//! The built pages, embedded in the binary and served from memory.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// One file of the pages as the build script left it.
struct File {
    /// Relative to the root of the pages, such as `assets/index-1a2b.js`.
    path: &'static str,
    /// A hash of the content.
    tag: &'static str,
    plain: &'static [u8],
    /// Where it is smaller.
    brotli: Option<&'static [u8]>,
}

/// What a page needs first, as the value of a `Link` header: a browser then fetches it while it still reads the HTML.
struct Early {
    /// The first part of the page's address.
    path: &'static str,
    /// For any address of the page; `{id}` stands for the second part of it.
    always: &'static str,
    /// For an address without parameters: they change what the page asks for.
    bare: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/table.rs"));

/// What an early answer depends on, in the links of a page.
const ID: &str = "{id}";
const INDEX: &str = "index.html";
/// Names below it carry a hash of their content, so that what is there never changes.
const HASHED: &str = "assets/";
/// First parts of a path that belong to programs; an unknown address below them is an error, not a page.
const NOT_PAGES: [&str; 6] = ["api", "v1", "metrics", "healthz", "readyz", "prometheus"];

/// `unsafe-inline` is for style alone: the chart library places its parts by style attributes.
const SECURITY: [(HeaderName, &str); 3] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
];

/// Whether the pages were built when this was; else one page says how to build them.
pub const fn is_built() -> bool {
    IS_BUILT
}

/// Serves the pages as a fallback, for whatever address the routes it is merged with do not have.
pub fn router() -> Router {
    Router::new().fallback(async |method: Method, uri: axum::http::Uri, headers: HeaderMap| {
        respond(&method, uri.path(), uri.query().unwrap_or_default(), &headers)
    })
}

fn respond(method: &Method, path: &str, query: &str, headers: &HeaderMap) -> Response {
    let path = path.trim_start_matches('/');
    let Some(file) = find(path) else {
        return (StatusCode::NOT_FOUND, "There is nothing at this address.\n").into_response();
    };
    if !matches!(*method, Method::GET | Method::HEAD) {
        let allow = [(header::ALLOW, "GET, HEAD")];
        return (StatusCode::METHOD_NOT_ALLOWED, allow, "Pages can only be read.\n").into_response();
    }

    let brotli = file.brotli.filter(|_| accepts(headers, "br"));
    let tag = format!("\"{}{}\"", file.tag, if brotli.is_some() { "-br" } else { "" });
    let is_known = headers.get_all(header::IF_NONE_MATCH).iter().any(|given| names_tag(given, &tag));
    let content = brotli.unwrap_or(file.plain);
    // The server leaves the body of an answer to HEAD out by itself, and keeps its length.
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Body::from(Bytes::from_static(content)).into_response()
    };

    let answered = response.headers_mut();
    for (name, value) in SECURITY {
        answered.insert(name, HeaderValue::from_static(value));
    }
    answered.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache_control(file)));
    answered.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        answered.insert(header::ETAG, tag);
    }
    if let Some(links) = early(file, path, query) {
        answered.insert(header::LINK, links);
    }
    if !is_known {
        answered.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(file.path)));
        if brotli.is_some() {
            answered.insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
        }
    }
    response
}

/// A file by its path; the index for an address of a page, which has no dot in it.
fn find(path: &str) -> Option<&'static File> {
    let known = |wanted: &str| FILES.iter().find(|file| file.path == wanted);
    if let Some(file) = known(path) {
        return Some(file);
    }
    let first = path.split('/').next().unwrap_or_default();
    let is_page = !NOT_PAGES.contains(&first) && !path.contains('.');
    if is_page { known(INDEX) } else { None }
}

/// The links of the page at this address, which has no `/` at its begin.
fn early(file: &File, path: &str, query: &str) -> Option<HeaderValue> {
    if file.path != INDEX {
        return None;
    }
    let (first, id) = path.split_once('/').unwrap_or((path, ""));
    let page = EARLY.iter().find(|page| page.path == first)?;
    // Whoever has an odd address gets the page without, rather than a header that says something else.
    let is_plain = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    let given = [page.always, if query.is_empty() { page.bare } else { "" }];
    let links: Vec<&str> = given
        .iter()
        .flat_map(|links| links.split(", "))
        .filter(|link| !link.is_empty() && (is_plain || !link.contains(ID)))
        .collect();
    HeaderValue::from_str(&links.join(", ").replace(ID, id)).ok().filter(|links| !links.is_empty())
}

fn cache_control(file: &File) -> &'static str {
    if file.path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Whether a request takes an answer in this coding.
pub fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| {
            let (named, weight) = part.split_once(';').unwrap_or((part, ""));
            let is_refused =
                weight.trim().strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()).is_some_and(|q| q <= 0.0);
            named.trim().eq_ignore_ascii_case(coding) && !is_refused
        })
}

/// Whether an `If-None-Match` names this tag; a weak one is as good here.
fn names_tag(given: &HeaderValue, tag: &str) -> bool {
    given.to_str().is_ok_and(|given| {
        given.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;

    fn get(path: &str, headers: &[(HeaderName, &str)]) -> Response {
        let headers =
            headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        respond(&Method::GET, path, query, &headers)
    }

    fn header_of(response: &Response, name: HeaderName) -> &str {
        response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    async fn text(response: Response) -> String {
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn what_the_index_refers_to_is_there() {
        let index = text(get("/", &[])).await;
        if !is_built() {
            assert!(index.contains("cargo xtask ui"), "{index}");
            return;
        }
        let referred: Vec<&str> = index.split('"').filter(|part| part.starts_with('/') && part.contains('.')).collect();
        assert!(referred.iter().any(|path| path.starts_with("/assets/") && path.ends_with(".js")), "{referred:?}");
        for path in referred {
            let response = get(path, &[]);
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert_ne!(header_of(&response, header::CONTENT_TYPE), "application/octet-stream", "{path}");
        }
    }

    #[tokio::test]
    async fn an_address_of_a_page_is_the_index() {
        let page = get("/alerts/al_0123", &[]);
        assert_eq!(page.status(), StatusCode::OK);
        assert_eq!(header_of(&page, header::CACHE_CONTROL), "no-cache");
        assert!(header_of(&page, header::CONTENT_SECURITY_POLICY).starts_with("default-src 'self';"));
        assert_eq!(text(page).await, text(get("/", &[])).await);
    }

    #[test]
    fn a_page_names_what_it_needs_first() {
        let links = |path: &str| header_of(&get(path, &[]), header::LINK).to_owned();
        if !is_built() {
            assert_eq!(links("/"), "");
            return;
        }
        let alert = links("/alerts/al_0123?seg=platform:iOS");
        assert!(alert.contains("</api/v1/alerts/al_0123>; rel=preload; as=fetch; crossorigin"), "{alert}");
        let inbox = links("/");
        assert!(inbox.contains("</api/v1/alerts?limit=50>") && !links("/?status=firing").contains("/api/v1/alerts"));
        for link in alert.split(", ").chain(inbox.split(", ")).filter(|link| link.contains("/assets/")) {
            let path = link.split(['<', '>']).nth(1).unwrap();
            assert_eq!(get(path, &[]).status(), StatusCode::OK, "{link}");
        }
        assert!(!links("/alerts/al%0a,<x>").contains("{id}") && !links("/alerts/").contains("/api/v1/alerts/"));
        for path in ["/favicon.svg", "/nowhere"] {
            assert_eq!(links(path), "", "{path}");
        }
        assert_eq!(get("/early.tsv", &[]).status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn an_unknown_file_is_not_found_and_the_api_is_left_alone() {
        for path in ["/assets/nope.js", "/nope.txt", "/api/v1/nope", "/v1/logs", "/metrics", "/healthz", "/readyz"] {
            assert_eq!(get(path, &[]).status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[test]
    fn a_file_that_the_browser_has_is_not_sent_again() {
        for encoding in ["identity", "gzip, br"] {
            let accept = (header::ACCEPT_ENCODING, encoding);
            let tag = header_of(&get("/", std::slice::from_ref(&accept)), header::ETAG).to_owned();
            let again = get("/", &[accept.clone(), (header::IF_NONE_MATCH, &format!("\"other\", W/{tag}"))]);
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
            assert_eq!(header_of(&again, header::ETAG), tag);
            assert_eq!(get("/", &[accept, (header::IF_NONE_MATCH, "\"other\"")]).status(), StatusCode::OK);
        }
    }

    #[test]
    fn compressed_only_for_those_who_ask() {
        let encoding = |accept: &str| {
            let response = get("/", &[(header::ACCEPT_ENCODING, accept)]);
            header_of(&response, header::CONTENT_ENCODING).to_owned()
        };
        assert_eq!(encoding("gzip, deflate, br;q=0.9"), "br");
        assert_eq!(encoding("gzip, br;q=0"), "");
        assert_eq!(encoding("gzip"), "");
    }

    #[test]
    fn hashed_files_are_kept_for_good() {
        for file in FILES.iter().filter(|file| file.path.starts_with(HASHED)) {
            let response = get(file.path, &[]);
            assert_eq!(header_of(&response, header::CACHE_CONTROL), "public, max-age=31536000, immutable");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn over_the_wire_head_has_no_body_and_posting_is_refused() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router()).await });
        let ask = |request: &str| {
            let mut stream = TcpStream::connect(address).unwrap();
            write!(stream, "{request} HTTP/1.1\r\nhost: hark\r\nconnection: close\r\n\r\n").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        };
        let head = ask("HEAD /");
        assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
        assert!(ask("POST /").starts_with("HTTP/1.1 405"));
    }
}
