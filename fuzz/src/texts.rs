//! Texts of the host: addresses, signatures, options.

use rpyc::config::Config;
use rpyc::objects::Signature;
use rpyc::transport::Address;
use rpyc::value::{Text, Value};

pub fn addresses(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(address) = text.parse::<Address>() else { return };
    let written = address.to_string();
    assert_eq!(written.parse::<Address>().expect("what was written can be read"), address, "{text:?} is {written:?}");
}

/// A signature, and after a NUL which arguments to bind: a letter each, small ones by position and capital ones by name.
pub fn signatures(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == 0);
    let Some(Ok(text)) = parts.next().map(std::str::from_utf8) else { return };
    let Ok(signature) = Signature::parse(text) else { return };
    let letters = parts.next().unwrap_or_default();
    let (mut args, mut keywords) = (Vec::new(), Vec::new());
    for letter in letters.iter().take(20) {
        match letter {
            b'A'..=b'Z' => {
                keywords.push((Text::new(&char::from(letter.to_ascii_lowercase()).to_string()), Value::None))
            }
            _ => args.push(Value::Int(i64::from(*letter))),
        }
    }
    let _ = signature.bind(args, keywords);
    let name = if signature.name().is_empty() { "f".to_owned() } else { signature.name().replace('.', "_") };
    let Ok(named) = signature.of(&name) else { return };
    Signature::parse(named.text()).expect("its own text can be read");
}

/// Lines "name=value".
pub fn options(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut config = Config::default();
    for (name, value) in text.lines().take(20).filter_map(|line| line.split_once('=')) {
        if config.set(name, value).is_ok() {
            let told = config.get(name).expect("an option that can be set can be read");
            config.set(name, &told).expect("what is told can be set");
            assert_eq!(config.get(name), Some(told));
        }
    }
}
