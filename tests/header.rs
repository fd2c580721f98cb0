//! The public header: made from src/ffi and committed, accepted by every language version that it is meant for, and
//! equal to what the library exports. `BLESS=1` (`make header`) rewrites include/rpyc.h and include/symbols.txt.

#[path = "support/manual.rs"]
mod manual;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const WARNINGS: [&str; 5] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"];

fn blessing() -> bool {
    std::env::var_os("BLESS").is_some()
}

fn header_path() -> PathBuf {
    Path::new(ROOT).join("include/rpyc.h")
}

/// The header as the sources say it, whatever is committed.
fn generated() -> String {
    let config = cbindgen::Config::from_file(Path::new(ROOT).join("cbindgen.toml")).expect("cbindgen.toml");
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        .with_src(Path::new(ROOT).join("src/ffi/mod.rs"))
        .generate()
        .expect("cbindgen reads src/ffi");
    let mut text = Vec::new();
    bindings.write(&mut text);
    let tagged = tagged(&String::from_utf8(text).expect("the header is UTF-8"));
    let chapters =
        std::fs::read_to_string(Path::new(ROOT).join("src/ffi/chapters.toml")).expect("src/ffi/chapters.toml");
    manual::arranged(&tagged, &chapters)
}

/// Gives each struct with members a tag, so that programs can declare it without the header. cbindgen's style "both" would
/// also write `struct` before every use of a type.
fn tagged(header: &str) -> String {
    let mut parts = header.split("typedef struct {");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (_, after) = part.split_once("\n} ").expect("the end of a struct");
        let (name, _) = after.split_once(';').expect("the name of a struct");
        text.push_str(&format!("typedef struct {name} {{{part}"));
    }
    text
}

/// The header without comments and preprocessor lines.
fn declarations(header: &str) -> String {
    let mut text = String::new();
    let mut rest = header;
    while let Some(start) = rest.find("/*") {
        text.push_str(&rest[..start]);
        let end = rest[start..].find("*/").expect("a comment that ends");
        rest = &rest[start + end + 2..];
    }
    text.push_str(rest);
    text.lines().filter(|line| !line.trim_start().starts_with('#')).collect::<Vec<_>>().join("\n")
}

/// Names of the functions that the header declares, in its order.
fn functions(header: &str) -> Vec<String> {
    let text = declarations(header);
    let name_before = |at: usize| {
        text[..at].trim_end().rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default()
    };
    text.match_indices('(')
        .filter(|&(at, _)| !text[at + 1..].starts_with('*'))
        .map(|(at, _)| name_before(at).to_owned())
        .filter(|name| name.starts_with("rpyc_"))
        .collect()
}

fn macros(header: &str) -> Vec<&str> {
    header
        .lines()
        .filter_map(|line| line.strip_prefix("#define "))
        .filter_map(|rest| rest.split_once(' '))
        .map(|(name, _)| name)
        .filter(|name| name.starts_with("RPYC_"))
        .collect()
}

/// The shared library that was built beside this test.
fn library() -> PathBuf {
    let exe = std::env::current_exe().expect("the path of this test");
    let deps = exe.parent().expect("a folder");
    let found = [deps.join("librpyc.so"), deps.join("../librpyc.so")].into_iter().find(|path| path.exists());
    found.unwrap_or_else(|| panic!("no librpyc.so in {} or above it", deps.display()))
}

fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap_or_else(|e| panic!("cannot run {program}: {e}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {} failed:\n{text}{errors}", args.join(" "));
    text
}

/// Lines of both sides that differ, few enough to read.
fn difference(left: &str, right: &str) -> String {
    let (left, right): (Vec<_>, Vec<_>) = (left.lines().collect(), right.lines().collect());
    let first = left.iter().zip(&right).position(|(a, b)| a != b).unwrap_or(left.len().min(right.len()));
    let part = |lines: &[&str], sign: &str| -> String {
        lines.iter().skip(first).take(6).map(|line| format!("{sign} {line}\n")).collect()
    };
    format!("line {}:\n{}{}", first + 1, part(&left, "-"), part(&right, "+"))
}

#[test]
fn header_is_made_from_the_sources() {
    let new = generated();
    if blessing() {
        std::fs::write(header_path(), &new).expect("include/rpyc.h is writable");
    }
    let old = std::fs::read_to_string(header_path()).expect("include/rpyc.h");
    assert!(old == new, "include/rpyc.h differs from src/ffi; `make header` rewrites it\n{}", difference(&old, &new));
}

#[test]
fn header_compiles_alone_twice_and_with_every_macro_used() {
    let header = generated();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("header");
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    std::fs::write(folder.join("rpyc.h"), &header).expect("the header for the test");
    let macros = macros(&header);
    assert!(macros.contains(&"RPYC_OK") && macros.contains(&"RPYC_NUL_TERMINATED"), "macros are missing: {macros:?}");
    let sizes: String = macros.iter().map(|name| format!("    sizeof({name}),\n")).collect();
    let alone = "#include <rpyc.h>\nint nothing_else;\n".to_owned();
    let full = format!(
        "#include <rpyc.h>\n#include <rpyc.h>\n#include <stddef.h>\nextern const size_t sizes[];\n\
         const size_t sizes[] = {{\n{sizes}}};\n"
    );
    let include = format!("-I{}", folder.display());
    let languages = [("CC", "cc", "c", vec!["c99", "c11", "c17"]), ("CXX", "c++", "c++", vec!["c++11", "c++20"])];
    for (variable, default, language, standards) in languages {
        let compiler = std::env::var(variable).unwrap_or_else(|_| default.to_owned());
        for (name, text) in [("alone", &alone), ("full", &full)] {
            let source = folder.join(format!("{name}.{language}"));
            std::fs::write(&source, text).expect("a source for the test");
            for standard in &standards {
                let mut args = vec!["-x", language, &include];
                let standard = format!("-std={standard}");
                args.push(&standard);
                args.extend(WARNINGS);
                let source = source.to_string_lossy();
                args.push(&source);
                run(&compiler, &args);
            }
        }
    }
}

/// The conveniences, in every standard, alone, twice, and with what they offer used.
#[test]
fn helpers_compile() {
    let include = format!("-I{}", Path::new(env!("CARGO_MANIFEST_DIR")).join("include").display());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("helpers");
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    let common = "#include <rpyc_helpers.h>\n#include <rpyc_helpers.h>\n\
        void callback(rpyc_call *call, void *self);\n\
        rpyc_value *made(rpyc_object *object, rpyc_error **error);\n\
        void callback(rpyc_call *call, void *self) { (void)self; rpyc_call_return(call, rpyc_none()); }\n\
        static const rpyc_method methods[] = {RPYC_METHOD(\"exposed_a\", callback, \"a()\", NULL),\n\
        RPYC_QUICK_METHOD(\"exposed_b\", callback, NULL, NULL)};\n\
        rpyc_value *made(rpyc_object *object, rpyc_error **error) {\n\
        int64_t number = 0; double real = 0; bool truth = false; char *text = NULL; rpyc_object *other = NULL;\n\
        rpyc_class_table table = rpyc_table(\"Service\", methods, RPYC_COUNT(methods));\n\
        if (table.method_count != 2 || rpyc_take_int(rpyc_int(1), &number, error) ||\n\
        rpyc_take_float(rpyc_float(1), &real, error) || rpyc_take_bool(rpyc_bool(1), &truth, error) ||\n\
        rpyc_take_str(rpyc_str(\"x\"), &text, error) || rpyc_take_object(rpyc_ref(object), &other, error) ||\n\
        rpyc_take_nothing(rpyc_bytes(\"x\", 1))) return NULL;\n\
        free(text);\n";
    let c = "return RPYC_TUPLE(rpyc_pair(rpyc_int(1), rpyc_str(\"x\")), rpyc_none());\n}\n\
        extern const rpyc_class_table service;\n\
        const rpyc_class_table service = {RPYC_METHODS(\"Service\", methods), .flags = RPYC_CLASS_SERIAL};\n";
    let cpp = "return rpyc_pair(rpyc_int(1), rpyc_str(\"x\"));\n}\n";
    let languages =
        [("CC", "cc", "c", c, vec!["c99", "c11", "c17"]), ("CXX", "c++", "c++", cpp, vec!["c++11", "c++17", "c++20"])];
    for (variable, default, language, end, standards) in languages {
        let compiler = std::env::var(variable).unwrap_or_else(|_| default.to_owned());
        for (name, text) in
            [("alone", "#include <rpyc_helpers.h>\nint nothing_else;\n".to_owned()), ("full", format!("{common}{end}"))]
        {
            let source = folder.join(format!("{name}.{language}"));
            std::fs::write(&source, text).expect("a source for the test");
            for standard in &standards {
                let standard = format!("-std={standard}");
                let source = source.to_string_lossy();
                let mut args = vec!["-x", language, &include, &standard, &source];
                args.extend(WARNINGS);
                run(&compiler, &args);
            }
        }
    }
}

/// What the header's examples take as given.
const GIVEN: &str = "#include <rpyc.h>\n#include <rpyc_helpers.h>\n#include <stdio.h>\n\
    long read_from_peer(void *, size_t);\nsize_t write_to_peer(const void *, size_t);\n";
const HANDLES: &str = "rpyc_connection *connection, rpyc_object *object, rpyc_value *value, rpyc_error *error, \
    rpyc_class *service, rpyc_server *server, rpyc_session *session, const void *data, size_t length";

#[test]
fn examples_of_the_header_compile() {
    let header = generated();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples");
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    let include = format!("-I{}", Path::new(ROOT).join("include").display());
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let mut count = 0;
    for part in header.split("@code{.c}").skip(1) {
        let (code, _) = part.split_once("@endcode").expect("the end of an example");
        let code = code.lines().map(|line| line.trim_start().trim_start_matches('*')).collect::<Vec<_>>().join("\n");
        let whole = code.trim_start().starts_with("static");
        let text = match whole {
            true => format!("{GIVEN}{code}\n"),
            false => format!("{GIVEN}void example({HANDLES});\nvoid example({HANDLES})\n{{{{\n{code}\n}}}}\n"),
        };
        let source = folder.join(format!("{count}.c"));
        std::fs::write(&source, text).expect("a source for the test");
        let unused = ["-Wno-unused-parameter", "-Wno-unused-function", "-Wno-unused-variable"];
        let mut args = vec!["-std=c11", &include];
        args.extend(WARNINGS.iter().chain(&unused));
        let source = source.to_string_lossy();
        args.push(&source);
        run(&compiler, &args);
        count += 1;
    }
    assert!(count >= header.matches("@defgroup").count(), "a chapter has no example");
}

#[test]
fn lines_of_the_header_fit() {
    let header = generated();
    let long: Vec<_> = header.lines().filter(|line| line.chars().count() > 100).collect();
    assert!(long.is_empty(), "longer than 100 columns:\n{}", long.join("\n"));
}

#[test]
fn every_function_of_the_header_is_described() {
    let header = generated();
    let mut bare = Vec::new();
    let mut described = false;
    for line in header.lines() {
        if line.trim_end().ends_with("*/") {
            described = true;
        } else if line.trim().is_empty() || line.starts_with('#') {
            described = false;
        } else if line.contains("rpyc_") && line.contains('(') && !line.starts_with([' ', '\t', '}']) {
            if !described {
                bare.push(line.to_owned());
            }
            described = false;
        }
    }
    assert!(bare.is_empty(), "no description:\n{}", bare.join("\n"));
}

#[test]
fn version_macros_are_those_of_the_package() {
    let header = generated();
    for (name, want) in [
        ("RPYC_VERSION_MAJOR", env!("CARGO_PKG_VERSION_MAJOR")),
        ("RPYC_VERSION_MINOR", env!("CARGO_PKG_VERSION_MINOR")),
        ("RPYC_VERSION_PATCH", env!("CARGO_PKG_VERSION_PATCH")),
    ] {
        let line = format!("#define {name} {want}");
        assert!(header.lines().any(|l| l == line), "the header has no line '{line}'");
    }
}

#[test]
fn header_library_and_symbol_list_agree() {
    let mut declared = functions(&generated());
    declared.sort();
    let duplicates: Vec<_> = declared.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| &pair[0]).collect();
    assert!(duplicates.is_empty(), "declared twice: {duplicates:?}");
    assert!(declared.len() > 50, "only {} functions were found in the header", declared.len());

    let library = library();
    let symbols = run("nm", &["-D", "--defined-only", &library.to_string_lossy()]);
    let mut exported: Vec<String> =
        symbols.lines().filter_map(|line| line.split_whitespace().nth(2)).map(str::to_owned).collect();
    exported.sort();
    let missing: Vec<_> = declared.iter().filter(|name| !exported.contains(name)).collect();
    let foreign: Vec<_> = exported.iter().filter(|name| !declared.contains(name)).collect();
    assert!(missing.is_empty(), "in the header, not in the library: {missing:?}");
    assert!(foreign.is_empty(), "in the library, not in the header: {foreign:?}");

    let path = Path::new(ROOT).join("include/symbols.txt");
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let since: BTreeMap<&str, &str> =
        committed.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' ')).collect();
    let new = concat!(env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));
    let mut list = "# Every exported function and the version that added it.\n".to_owned();
    for name in &declared {
        let version = since.get(name.as_str()).copied().unwrap_or(new);
        list.push_str(&format!("{name} {version}\n"));
    }
    if blessing() {
        std::fs::write(&path, &list).expect("include/symbols.txt is writable");
    } else {
        let text = "include/symbols.txt differs from the header; `make header` rewrites it";
        assert!(committed == list, "{text}\n{}", difference(&committed, &list));
    }
}

#[test]
fn library_is_named_and_cannot_be_unloaded() {
    let dynamic = run("readelf", &["-d", "-W", &library().to_string_lossy()]);
    assert!(dynamic.contains("Library soname: [librpyc.so.0]"), "no soname librpyc.so.0:\n{dynamic}");
    assert!(dynamic.contains("NODELETE"), "the library could be unloaded:\n{dynamic}");
}
