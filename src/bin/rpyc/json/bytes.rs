//! Bytes in JSON: base64 with padding (RFC 4648).

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub fn encoded(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let word = group.iter().fold(0_usize, |word, byte| word << 8 | usize::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let digit = DIGITS.get(word >> (18 - 6 * place) & 63).filter(|_| place <= group.len());
            text.push(char::from(*digit.unwrap_or(&b'=')));
        }
    }
    text
}

/// Returns None if `text` is not base64.
pub fn decoded(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    if text.len() % 4 != 0 || text.len() - digits.len() > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for group in digits.as_bytes().chunks(4) {
        let mut word = 0_usize;
        for byte in group {
            word = word << 6 | DIGITS.iter().position(|digit| digit == byte)?;
        }
        word <<= 6 * (4 - group.len());
        let whole = [word >> 16, word >> 8, word].map(|part| (part & 255) as u8);
        bytes.extend(whole.into_iter().take(group.len() - 1));
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        for (bytes, text) in
            [(&b""[..], ""), (b"f", "Zg=="), (b"fo", "Zm8="), (b"foo", "Zm9v"), (b"\xfb\xff\0x", "+/8AeA==")]
        {
            assert_eq!(encoded(bytes), text);
            assert_eq!(decoded(text).unwrap(), bytes);
        }
        for bad in ["Z", "Zg", "Zg=", "Z===", "====", "Z\u{e9}==", "Zm 8", "Zm=8"] {
            assert_eq!(decoded(bad), None, "{bad}");
        }
    }
}
