//! Who sent a body, as far as its headers say.

use axum::http::{HeaderMap, header};

use crate::Delivery;

/// The header by which a sender names itself.
const SOURCE: &str = "x-hark-source";

pub(crate) fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The name that a sender gives itself.
pub(crate) fn named_source(headers: &HeaderMap) -> Option<String> {
    text(headers, SOURCE).filter(|name| !name.trim().is_empty()).map(str::to_owned)
}

/// Exporters are configured rather than written: one without a name goes by the program that it is.
pub(crate) fn source_or_program(headers: &HeaderMap) -> String {
    let program = || {
        let agent = text(headers, header::USER_AGENT.as_str())?;
        let product = agent.split(['/', ' ']).next().filter(|product| !product.is_empty())?;
        Some(product.to_owned())
    };
    named_source(headers).or_else(program).unwrap_or_else(|| Delivery::DEFAULT_SOURCE.to_owned())
}

/// `application/json; charset=utf-8` without what follows the semicolon, in lower case.
pub(crate) fn media_type(headers: &HeaderMap) -> String {
    let content_type = text(headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_sender_goes_by_its_name_then_by_its_program() {
        let agent = ("user-agent", "OTel-OTLP-Exporter-Python/1.45.0 grpc/1.7");
        assert_eq!(source_or_program(&headers(&[agent, ("x-hark-source", "kitchen")])), "kitchen");
        assert_eq!(source_or_program(&headers(&[agent])), "OTel-OTLP-Exporter-Python");
        assert_eq!(source_or_program(&headers(&[("user-agent", ""), ("x-hark-source", " ")])), "default");
    }

    #[test]
    fn a_media_type_comes_without_its_parameters() {
        assert_eq!(media_type(&headers(&[("content-type", "Application/JSON ; charset=utf-8")])), "application/json");
        assert_eq!(media_type(&headers(&[])), "");
    }
}
