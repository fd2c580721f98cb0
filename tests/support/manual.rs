//! The header as a manual: what cbindgen wrote, in chapters (src/ffi/chapters.toml) and in lines that fit.

use std::fmt::Write;

/// How wide a line of a comment may be.
const WIDTH: usize = 100;

/// In the middle of what cbindgen writes.
const OPENING: &str = "#ifdef __cplusplus\nextern \"C\" {\n#endif // __cplusplus";

/// A comment and what it describes.
struct Item<'h> {
    comment: String,
    code: String,
    name: &'h str,
}

struct Chapter {
    name: String,
    title: String,
    text: String,
    /// Names, or their beginnings with a `*`.
    items: Vec<String>,
}

/// Puts the items of a header into the chapters. It panics, with what is to be done, where an item has no chapter.
pub fn arranged(header: &str, chapters: &str) -> String {
    let (top, rest) = header.split_once("#define RPYC_NUL_TERMINATED").expect("the end of the header's top");
    let top_end = top.rfind("/**").expect("the comment of the first item");
    let rest = format!("{}#define RPYC_NUL_TERMINATED{rest}", &top[top_end..]);
    let end = rest.find("#ifdef __cplusplus\n}").expect("the end of extern \"C\"");
    let items = items(&rest[..end]);
    let chapters = parsed(chapters);
    let mut text = refilled_top(&top[..top_end]);
    text.push_str(OPENING);
    text.push('\n');
    let mut placed = 0;
    for chapter in &chapters {
        text.push_str(&banner(chapter));
        for place in 0..chapter.items.len() {
            for item in items.iter().filter(|item| place_of(item.name, &chapters) == Some((&chapter.name, place))) {
                let _ = write!(text, "\n{}{}\n", item.comment, item.code);
                placed += 1;
            }
        }
        text.push_str("\n/** @} */\n");
    }
    let lost: Vec<_> =
        items.iter().filter(|item| place_of(item.name, &chapters).is_none()).map(|item| item.name).collect();
    assert!(
        placed == items.len(),
        "no chapter of src/ffi/chapters.toml has {lost:?}: add each to the chapter of its subject"
    );
    text.push('\n');
    text.push_str(&rest[end..]);
    text
}

/// The chapter and the place in it: the longest that fits.
fn place_of<'c>(name: &str, chapters: &'c [Chapter]) -> Option<(&'c String, usize)> {
    let fits = |pattern: &str| match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    };
    chapters
        .iter()
        .flat_map(|chapter| chapter.items.iter().enumerate().map(move |(at, pattern)| (chapter, at, pattern)))
        .filter(|(_, _, pattern)| fits(pattern))
        .max_by_key(|(_, _, pattern)| pattern.len() + usize::from(!pattern.ends_with('*')))
        .map(|(chapter, at, _)| (&chapter.name, at))
}

fn parsed(chapters: &str) -> Vec<Chapter> {
    let table: toml::Table = chapters.parse().expect("src/ffi/chapters.toml");
    let text = |value: &toml::Value, key: &str| value[key].as_str().expect(key).trim_matches('\n').to_owned();
    let names = |value: &toml::Value| {
        value["items"].as_array().expect("items").iter().map(|item| item.as_str().expect("a name").to_owned()).collect()
    };
    let list = table["chapter"].as_array().expect("chapters");
    list.iter()
        .map(|one| Chapter {
            name: text(one, "name"),
            title: text(one, "title"),
            text: text(one, "text"),
            items: names(one),
        })
        .collect()
}

fn banner(chapter: &Chapter) -> String {
    let rule = "=".repeat(WIDTH - 6);
    let head = format!("\n/* {rule}\n * {}\n * {rule} */\n", chapter.title);
    let text = format!("@defgroup rpyc_{} {}\n\n{}\n\n@{{", chapter.name, chapter.title, chapter.text);
    head + &comment(&text, 0)
}

/// What follows the header's top: comments with what they describe.
fn items(text: &str) -> Vec<Item<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("/**") {
        let between = rest[..start].trim();
        assert!(between.is_empty() || between == OPENING, "not described: {between}");
        let after = start + rest[start..].find("*/").expect("a comment that ends") + 2;
        let said = &rest[start..after];
        let code = rest[after..].trim_start();
        let length = if code.starts_with('#') { code.find('\n').unwrap_or(code.len()) } else { declaration(code) };
        rest = &code[length..];
        let code = &code[..length];
        found.push(Item { comment: comment(&bare(said), 0), code: refilled_members(code), name: name(code) });
    }
    assert!(rest.trim().is_empty(), "not described: {rest}");
    found
}

/// How long a declaration is, with the semicolon at its end.
fn declaration(code: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < code.len() {
        match code.as_bytes()[at] {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b';' if depth == 0 => return at + 1,
            b'/' if code[at..].starts_with("/*") => at += code[at..].find("*/").expect("a comment that ends"),
            _ => {}
        }
        at += 1;
    }
    panic!("a declaration without an end: {code}")
}

fn name(code: &str) -> &str {
    let named = |text: &str| text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    if let Some(rest) = code.strip_prefix("#define ") {
        return &rest[..named(rest)];
    }
    if let Some(at) = code.find("(*").filter(|_| code.starts_with("typedef") && !code.contains('{')) {
        return &code[at + 2..at + 2 + named(&code[at + 2..])];
    }
    if code.starts_with("typedef") {
        return code.trim_end_matches(';').rsplit([' ', '}', '\n']).next().unwrap_or(code);
    }
    let end = code.find('(').expect("a function");
    let start = code[..end].rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |at| at + 1);
    &code[start..end]
}

/// The words of a comment without its frame.
fn bare(comment: &str) -> String {
    let inside = comment.trim_start_matches("/**").trim_end_matches("*/");
    let lines = inside.lines().map(|line| {
        line.trim_start()
            .strip_prefix('*')
            .map_or(line.trim_start(), |line| line.strip_prefix(' ').unwrap_or(line))
            .trim_end()
    });
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// A comment in its frame, filled.
fn comment(text: &str, indent: usize) -> String {
    let margin = " ".repeat(indent);
    let lines = filled(text, WIDTH - 3 - indent);
    match lines.as_slice() {
        [one] if one.len() + indent + 7 <= WIDTH && !one.starts_with('@') => format!("{margin}/** {one} */\n"),
        _ => {
            let framed: String =
                lines.iter().map(|line| format!("{margin} * {line}").trim_end().to_owned() + "\n").collect();
            format!("{margin}/**\n{framed}{margin} */\n")
        }
    }
}

/// The lines of a text of paragraphs, lists, tags of doxygen and code, at most `width` characters long.
fn filled(text: &str, width: usize) -> Vec<String> {
    let names = text
        .lines()
        .filter_map(|line| line.strip_prefix("@param "))
        .map(|line| line.split(' ').next().unwrap_or_default().len());
    let column = names.max().unwrap_or_default();
    let mut lines: Vec<String> = Vec::new();
    let mut unit = String::new();
    let mut code = false;
    for line in text.lines().chain([""]) {
        let fence = line.starts_with("```") || line.starts_with("@code") || line.starts_with("@endcode");
        let indented = line.starts_with("    ") && unit.is_empty();
        let begins =
            line.trim().is_empty() || fence || code || line.starts_with('@') || line.trim_start().starts_with("- ");
        if begins && !unit.is_empty() {
            fill(&unit, column, width, &mut lines);
            unit.clear();
        }
        if fence {
            code = !(line == "```" || line == "@endcode");
            lines.push(match line {
                "```c" => "@code{.c}".to_owned(),
                "```" => "@endcode".to_owned(),
                other => other.to_owned(),
            });
        } else if code || indented {
            lines.push(line.to_owned());
        } else if line.trim().is_empty() {
            lines.push(String::new());
        } else {
            if !unit.is_empty() {
                unit.push(' ');
            }
            unit.push_str(if unit.is_empty() { line } else { line.trim() });
        }
    }
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

/// Breaks one paragraph, point of a list or tag into lines; what follows the first is indented as its kind wants it.
fn fill(unit: &str, column: usize, width: usize, lines: &mut Vec<String>) {
    let (head, rest, hang) = if let Some(rest) = unit.strip_prefix("@param ") {
        let (name, said) = rest.split_once(' ').unwrap_or((rest, ""));
        (format!("@param {name:column$}  "), said.trim(), 7 + column + 2)
    } else if let Some(rest) = unit.strip_prefix("@return ") {
        ("@return ".to_owned(), rest, 8)
    } else if unit.trim_start().starts_with("- ") {
        let indent = unit.len() - unit.trim_start().len();
        (format!("{}- ", " ".repeat(indent)), unit.trim_start()[2..].trim(), indent + 2)
    } else {
        (String::new(), unit, 0)
    };
    let mut line = head;
    let mut fresh = true;
    for word in rest.split_whitespace() {
        if !fresh && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::replace(&mut line, " ".repeat(hang)).trim_end().to_owned());
            fresh = true;
        }
        if !fresh {
            line.push(' ');
        }
        line.push_str(word);
        fresh = false;
    }
    lines.push(line.trim_end().to_owned());
}

/// The members of a table have comments of their own.
fn refilled_members(code: &str) -> String {
    let mut text = String::new();
    let mut rest = code;
    while let Some(start) = rest.find("    /**") {
        let after = start + rest[start..].find("*/").expect("a comment that ends") + 2;
        text.push_str(&rest[..start]);
        text.push_str(comment(&bare(rest[start..after].trim_start()), 4).trim_end());
        rest = &rest[after..];
    }
    text + rest
}

/// The comment at the top of the file, and what stands between it and the first item.
fn refilled_top(top: &str) -> String {
    let end = top.find("*/").expect("the end of the first comment") + 2;
    comment(&bare(&top[..end]), 0) + &top[end..]
}
