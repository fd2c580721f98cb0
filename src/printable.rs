//! Makes strings of peers safe for logs and terminals: characters that control a terminal, end a line or change the
//! writing direction are escaped as in Python.

use std::borrow::Cow;
use std::fmt::Write;

/// Escapes a string to one line: every control character is escaped.
pub fn one_line(text: &str) -> Cow<'_, str> {
    escaped(text, is_obeyed)
}

/// Escapes a string, except line ends and tabs.
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| is_obeyed(c) && c != '\n' && c != '\t')
}

/// Returns whether a terminal or an editor acts on a character, instead of showing it.
fn is_obeyed(c: char) -> bool {
    let separates = matches!(c, '\u{2028}' | '\u{2029}');
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || separates || turns
}

fn escaped(text: &str, which: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&which) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        // Writing to a String cannot fail.
        let _ = match (which(c), u32::from(c)) {
            (false, _) => write!(shown, "{c}"),
            (true, 9) => write!(shown, "\\t"),
            (true, 10) => write!(shown, "\\n"),
            (true, 13) => write!(shown, "\\r"),
            (true, code @ 0..=0xff) => write!(shown, "\\x{code:02x}"),
            (true, code) => write!(shown, "\\u{code:04x}"),
        };
    }
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_terminals_obey_is_escaped() {
        let text = "a\x1b]0;b\x07\r\u{9b}c\n\td\u{e9}\\n\u{202e}\u{2028}";
        assert_eq!(one_line(text), "a\\x1b]0;b\\x07\\r\\x9bc\\n\\td\u{e9}\\n\\u202e\\u2028");
        assert_eq!(lines(text), "a\\x1b]0;b\\x07\\r\\x9bc\n\td\u{e9}\\n\\u202e\\u2028");
        assert!(matches!(lines("plain \n"), Cow::Borrowed(_)));
        assert!(matches!(one_line("plain \u{1f600}"), Cow::Borrowed(_)));
    }
}
