//! Bodies as they come over the wire: plain, gzip or zstd, never larger than allowed once unpacked.

use std::borrow::Cow;
use std::io::{self, Read};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Plain,
    Gzip,
    Zstd,
}

#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    #[error("the body is larger than {limit} bytes once unpacked; send it in smaller batches")]
    TooLarge { limit: usize },
    #[error("the body is not valid {encoding:?}: {source}; send it whole, or without Content-Encoding")]
    Broken { encoding: Encoding, source: io::Error },
}

/// `limit` bounds what a small body can grow to, so that a zip bomb costs its sender more than us.
pub fn unpack(body: &[u8], encoding: Encoding, limit: usize) -> Result<Cow<'_, [u8]>, UnpackError> {
    let broken = |source| UnpackError::Broken { encoding, source };
    let reader: Box<dyn Read + '_> = match encoding {
        Encoding::Plain if body.len() > limit => return Err(UnpackError::TooLarge { limit }),
        Encoding::Plain => return Ok(Cow::Borrowed(body)),
        Encoding::Gzip => Box::new(flate2::read::MultiGzDecoder::new(body)),
        Encoding::Zstd => Box::new(zstd::Decoder::new(body).map_err(broken)?),
    };
    let mut plain = Vec::new();
    reader.take(limit as u64 + 1).read_to_end(&mut plain).map_err(broken)?;
    if plain.len() > limit { Err(UnpackError::TooLarge { limit }) } else { Ok(Cow::Owned(plain)) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn each_encoding_gives_the_same_bytes() {
        let text = b"{\"time\":1}\n".repeat(100);
        let packed = [
            (Encoding::Plain, text.clone()),
            (Encoding::Gzip, gzip(&text)),
            (Encoding::Zstd, zstd::encode_all(text.as_slice(), 1).unwrap()),
        ];
        for (encoding, body) in packed {
            assert_eq!(unpack(&body, encoding, text.len()).unwrap(), text, "{encoding:?}");
            assert!(matches!(unpack(&body, encoding, text.len() - 1), Err(UnpackError::TooLarge { .. })));
        }
    }

    #[test]
    fn broken_bodies_are_errors() {
        for encoding in [Encoding::Gzip, Encoding::Zstd] {
            assert!(matches!(unpack(b"plain text", encoding, 100), Err(UnpackError::Broken { .. })), "{encoding:?}");
        }
    }
}
