//! The page of `--html`: one file with its style and script, which needs no network.
//!
//! The data are the documents of `--json`, one per line, at the end of the file, so the page of a killed trace is
//! complete up to there. Their contents are chosen by peers. They are in an element that is not executed, contain no
//! `<`, and a policy lets browsers run this script only.

use super::documents::{Beginning, Document};
use super::event::{Event, Teller};
use super::record::Head;
use crate::failure::Failure;
use crate::json;
use serde::Serialize;
use std::fs::File;
use std::io::{self, BufWriter, Write};

const BEGINNING: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");
/// SHA-256 in base64. If it is wrong, the test below prints the right one.
const STYLE_HASH: &str = "i2yNpGln8+tcLXYkPZ+a3NdMAskP+GA/iwV/AE+6ZYA=";
const SCRIPT_HASH: &str = "AaFH7+s+xFoTr6kFwiKVYb5/ioMKJcdVwCwKMCBP+JE=";

pub struct Page {
    path: String,
    file: BufWriter<File>,
    /// Each event is written at once, so that a killed trace loses none.
    live: bool,
}

impl Page {
    pub fn create(path: &str, head: &Head, live: bool) -> Result<Page, Failure> {
        let file = File::create(path).map_err(|error| Failure::file(format!("cannot write {path}"), error))?;
        let mut page = Page { path: path.to_owned(), file: BufWriter::new(file), live };
        page.wrote(|file| file.write_all(beginning().as_bytes()))?;
        page.line(&Beginning::of(head))?;
        Ok(page)
    }

    fn wrote(&mut self, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<(), Failure> {
        write(&mut self.file).map_err(|error| Failure::file(format!("cannot write {}", self.path), error))
    }

    fn line(&mut self, document: &impl Serialize) -> Result<(), Failure> {
        let text = harmless(&json::text(document)?);
        let live = self.live;
        self.wrote(|file| {
            file.write_all(text.as_bytes())?;
            file.write_all(b"\n")?;
            if live { file.flush() } else { Ok(()) }
        })
    }
}

impl Teller for Page {
    fn tell(&mut self, at: u64, connection: u64, event: &Event) -> Result<(), Failure> {
        self.line(&Document::of(at, connection, event))?;
        if matches!(event, Event::Summary { .. }) {
            self.wrote(|file| file.write_all(b"</script>\n</body>\n</html>\n").and_then(|()| file.flush()))?;
        }
        Ok(())
    }
}

/// Escapes JSON so that no browser can take a part of it for markup.
fn harmless(text: &str) -> String {
    text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

fn beginning() -> String {
    let parts =
        [("@STYLE_HASH@", STYLE_HASH), ("@SCRIPT_HASH@", SCRIPT_HASH), ("@STYLE@", STYLE), ("@SCRIPT@", SCRIPT)];
    parts.iter().fold(BEGINNING.to_owned(), |page, (place, text)| page.replace(place, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn the_policy_allows_this_style_and_this_script() {
        for (text, hash) in [(STYLE, STYLE_HASH), (SCRIPT, SCRIPT_HASH)] {
            assert_eq!(json::base64(&Sha256::digest(text.as_bytes())[..]), hash);
            assert!(!text.contains("</") && !text.contains("innerHTML"));
        }
        let page = beginning();
        assert!(page.contains("default-src 'none'") && !page.contains("_HASH@"));
    }

    #[test]
    fn no_text_ends_its_element() {
        assert_eq!(harmless("a</script><!--&"), "a\\u003c/script\\u003e\\u003c!--\\u0026");
    }
}
