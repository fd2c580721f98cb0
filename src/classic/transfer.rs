//! Files and folders, to a classic server and from it.

use super::Classic;
use super::client::object;
use crate::connection::obtain;
use crate::error::{Error, Result};
use crate::objects::ask;
use crate::value::{Ask, Bounds, Reference, Value};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Folders within folders; links can make more of them than there are.
const LEVELS: usize = 100;

/// The progress of a transfer.
pub struct Progress<'a> {
    /// The file that is being copied.
    pub local: &'a str,
    pub remote: &'a str,
    /// Bytes of it that have been copied.
    pub done: u64,
    pub size: u64,
    /// Files that were copied before it.
    pub files: u64,
    /// Bytes of all files that have been copied.
    pub total: u64,
}

/// The settings of a transfer.
pub struct Transfer<'a> {
    /// Bytes in one message; RPyC's own choice is 64000.
    pub chunk: usize,
    /// Returns whether to copy the file or folder of this name. Called for the contents of folders.
    pub filter: &'a dyn Fn(&str) -> bool,
    /// Called at the beginning of each file, and after each chunk. False ends the transfer.
    pub progress: &'a dyn Fn(&Progress<'_>) -> bool,
}

impl Default for Transfer<'_> {
    fn default() -> Self {
        Transfer { chunk: 64000, filter: &|_| true, progress: &|_| true }
    }
}

/// One transfer that is under way.
struct Run<'a> {
    classic: &'a Classic,
    how: &'a Transfer<'a>,
    files: u64,
    total: u64,
}

fn io(what: &str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let context = format!("cannot {what} '{}'", path.display());
    move |source| Error::io(context, source)
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| Error::Argument(format!("the path '{}' is not UTF-8", path.display())))
}

impl Classic {
    /// Copies a local file or folder to the peer.
    pub fn upload(&self, local: &str, remote: &str, how: &Transfer<'_>) -> Result<()> {
        let mut run = Run { classic: self, how, files: 0, total: 0 };
        let local = Path::new(local);
        let kind = fs::metadata(local).map_err(io("upload", local))?;
        match () {
            () if kind.is_file() => run.upload_file(local, remote),
            () if kind.is_dir() => run.upload_folder(local, remote),
            () => Err(Error::Argument(format!("cannot upload '{}': it is neither file nor folder", local.display()))),
        }
    }

    /// Copies a file or folder of the peer to us.
    pub fn download(&self, remote: &str, local: &str, how: &Transfer<'_>) -> Result<()> {
        let mut run = Run { classic: self, how, files: 0, total: 0 };
        let local = Path::new(local);
        match () {
            () if run.is(remote, "isdir")? => run.download_folder(remote, local),
            () if run.is(remote, "isfile")? => run.download_file(remote, local, create),
            () => Err(Error::Argument(format!("cannot download '{remote}': it is neither file nor folder"))),
        }
    }
}

impl Run<'_> {
    fn is(&self, remote: &str, test: &str) -> Result<bool> {
        Ok(matches!(self.path(test, &[remote])?, Value::Bool(true)))
    }

    fn path(&self, function: &str, args: &[&str]) -> Result<Value> {
        let args: Vec<Value> = args.iter().map(|arg| Value::str(arg)).collect();
        self.classic.call("os.path", function, &args, &[])
    }

    fn join(&self, folder: &str, name: &str) -> Result<String> {
        match self.path("join", &[folder, name])? {
            Value::Str(path) => Ok(path.to_string()),
            other => Err(Error::Type(format!("a path of the peer is a {}", other.type_name()))),
        }
    }

    fn open(&self, remote: &str, mode: &str) -> Result<Reference> {
        let args = [Value::str(remote), Value::str(mode)];
        object(self.classic.call("builtins", "open", &args, &[])?, "an open file")
    }

    /// Runs `copy` on a file of the peer, and closes the file in any case.
    fn with_file(&self, remote: &str, mode: &str, copy: impl FnOnce(&Reference) -> Result<()>) -> Result<()> {
        let file = self.open(remote, mode)?;
        let copied = copy(&file);
        let closed = ask(&file, Ask::CallAttr { name: "close", args: &[], keywords: &[] });
        copied.and(closed.map(drop))
    }

    fn tell(&self, local: &str, remote: &str, done: u64, size: u64) -> Result<()> {
        let progress = Progress { local, remote, done, size, files: self.files, total: self.total + done };
        match (self.how.progress)(&progress) {
            true => Ok(()),
            false => Err(Error::State(format!("the transfer of '{remote}' was ended by its progress callback"))),
        }
    }

    fn done(&mut self, bytes: u64) {
        self.files += 1;
        self.total += bytes;
    }

    fn upload_file(&mut self, local: &Path, remote: &str) -> Result<()> {
        let mut from = File::open(local).map_err(io("read", local))?;
        let size = from.metadata().map_err(io("read", local))?.len();
        let mut sent = 0;
        let name = text(local)?;
        self.with_file(remote, "wb", |to| {
            self.tell(name, remote, 0, size)?;
            loop {
                let mut chunk = Vec::new();
                Read::by_ref(&mut from)
                    .take(self.how.chunk.max(1) as u64)
                    .read_to_end(&mut chunk)
                    .map_err(io("read", local))?;
                if chunk.is_empty() {
                    return Ok(());
                }
                sent += chunk.len() as u64;
                let args = [Value::Bytes(chunk.into())];
                ask(to, Ask::CallAttr { name: "write", args: &args, keywords: &[] })?;
                self.tell(name, remote, sent, size)?;
            }
        })?;
        self.done(sent);
        Ok(())
    }

    fn upload_folder(&mut self, local: &Path, remote: &str) -> Result<()> {
        let mut folders = vec![(local.to_owned(), remote.to_owned(), 1)];
        while let Some((local, remote, level)) = folders.pop() {
            check_level(level, &local)?;
            if !self.is(&remote, "isdir")? {
                self.classic.call("os", "makedirs", &[Value::str(&remote)], &[])?;
            }
            let mut names = fs::read_dir(&local)
                .and_then(|entries| {
                    entries.map(|entry| entry.map(|entry| entry.file_name())).collect::<Result<Vec<_>, _>>()
                })
                .map_err(io("read the folder", &local))?;
            names.sort();
            for name in names {
                let path = local.join(&name);
                let name = text(Path::new(&name))?;
                if !(self.how.filter)(name) {
                    continue;
                }
                // As in RPyC, entries that are neither file nor folder are skipped here.
                let Ok(kind) = fs::metadata(&path) else { continue };
                let target = self.join(&remote, name)?;
                if kind.is_dir() {
                    folders.push((path, target, level + 1));
                } else if kind.is_file() {
                    self.upload_file(&path, &target)?;
                }
            }
        }
        Ok(())
    }

    fn download_file(&mut self, remote: &str, local: &Path, create: fn(&Path) -> Result<File>) -> Result<()> {
        let size = self.path("getsize", &[remote])?.to_u64().unwrap_or(0);
        let name = text(local)?;
        let mut received = 0;
        self.with_file(remote, "rb", |from| {
            let mut to = create(local)?;
            self.tell(name, remote, 0, size)?;
            let args = [Value::Int(i64::try_from(self.how.chunk.max(1)).unwrap_or(i64::MAX))];
            loop {
                let chunk = match ask(from, Ask::CallAttr { name: "read", args: &args, keywords: &[] })? {
                    Value::Bytes(chunk) => chunk,
                    other => return Err(Error::Type(format!("a file of the peer gives a {}", other.type_name()))),
                };
                if chunk.is_empty() {
                    return Ok(());
                }
                to.write_all(&chunk).map_err(io("write", local))?;
                received += chunk.len() as u64;
                self.tell(name, remote, received, size)?;
            }
        })?;
        self.done(received);
        Ok(())
    }

    fn download_folder(&mut self, remote: &str, local: &Path) -> Result<()> {
        let mut folders = vec![(remote.to_owned(), local.to_owned(), 1)];
        while let Some((remote, local, level)) = folders.pop() {
            check_level(level, &local)?;
            match level {
                1 => fs::create_dir_all(&local).map_err(io("make the folder", &local))?,
                _ => folder_inside(&local)?,
            }
            for name in self.list(&remote)? {
                if !(self.how.filter)(&name) {
                    continue;
                }
                let source = self.join(&remote, &name)?;
                let path = local.join(&name);
                if self.is(&source, "isdir")? {
                    folders.push((source, path, level + 1));
                } else if self.is(&source, "isfile")? {
                    self.download_file(&source, &path, create_inside)?;
                }
            }
        }
        Ok(())
    }

    /// The names in a folder of the peer. None of them may lead out of the folder that it is copied to.
    fn list(&self, remote: &str) -> Result<Vec<String>> {
        let listed = self.classic.call("os", "listdir", &[Value::str(remote)], &[])?;
        let bounds = Bounds { depth: 1, items: 1 << 20, bytes: 1 << 28 };
        let (Value::List(names) | Value::Tuple(names)) = (match listed {
            Value::Ref(list) => obtain(&list, &bounds)?,
            other => other,
        }) else {
            return Err(Error::Type("os.listdir() of the peer: expected a list of names, got something else".into()));
        };
        let name = |name: &Value| match name {
            Value::Str(name) if is_name(name.as_str()) => Ok(name.to_string()),
            other => Err(Error::Unsafe(format!(
                "the peer's folder '{remote}' contains {}, which is not a file name",
                other.repr()
            ))),
        };
        let mut names: Vec<String> = names.iter().map(name).collect::<Result<_>>()?;
        names.sort();
        Ok(names)
    }
}

/// Returns whether this is a plain file name, without any path.
fn is_name(name: &str) -> bool {
    !name.contains('\0') && Path::new(name).file_name().is_some_and(|file| file == name)
}

/// The file that the caller named, which may be reached by links.
fn create(path: &Path) -> Result<File> {
    File::create(path).map_err(io("write", path))
}

fn leads_out(path: &Path) -> Error {
    Error::Unsafe(format!(
        "cannot write '{}': it exists, as a link or something else that leads out of the folder",
        path.display()
    ))
}

/// A file in a folder that is downloaded. Links that were there before are not followed, devices and pipes not opened.
fn create_inside(path: &Path) -> Result<File> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let opened = OpenOptions::new().write(true).create(true).truncate(false).custom_flags(flags).open(path);
    let file = match opened {
        // A link, and a pipe without a reader.
        Err(error) if matches!(error.raw_os_error(), Some(libc::ELOOP | libc::EMLINK | libc::ENXIO)) => {
            return Err(leads_out(path));
        }
        opened => opened.map_err(io("write", path))?,
    };
    if !file.metadata().map_err(io("write", path))?.is_file() {
        return Err(leads_out(path));
    }
    file.set_len(0).map_err(io("write", path))?;
    Ok(file)
}

/// Makes a folder in a downloaded folder, or uses an existing one that is not a link.
fn folder_inside(path: &Path) -> Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            match fs::symlink_metadata(path).map_err(io("look at", path))?.is_dir() {
                true => Ok(()),
                false => Err(leads_out(path)),
            }
        }
        made => made.map_err(io("make the folder", path)),
    }
}

fn check_level(level: usize, folder: &Path) -> Result<()> {
    match level > LEVELS {
        true => Err(Error::Limit(format!("'{}' is nested over {LEVELS} levels", folder.display()))),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn names_lead_nowhere_else() {
        for good in ["a", "a b", ".hidden", "...", "\u{e9}\n"] {
            assert!(is_name(good), "{good:?}");
        }
        for bad in ["", ".", "..", "/", "a/", "/a", "a/b", "../a", "a/..", "a\0", "\0", "a\0/b"] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }

    #[test]
    fn what_was_there_leads_nowhere_else() {
        let folder = std::env::temp_dir().join(format!("rpyc-transfer-{}", std::process::id()));
        let (inside, outside) = (folder.join("inside"), folder.join("outside"));
        fs::create_dir_all(&inside).unwrap();
        fs::create_dir_all(&outside).unwrap();
        fs::write(outside.join("file"), "kept").unwrap();
        symlink(outside.join("file"), inside.join("file")).unwrap();
        symlink(outside.join("new"), inside.join("new")).unwrap();
        symlink(&outside, inside.join("folder")).unwrap();
        symlink("/dev/null", inside.join("device")).unwrap();
        let _pipe = std::os::unix::net::UnixListener::bind(inside.join("socket")).unwrap();
        for name in ["file", "new", "device", "socket"] {
            let error = create_inside(&inside.join(name)).unwrap_err();
            assert!(matches!(error, Error::Unsafe(_)), "{name}: {error}");
        }
        assert!(matches!(create_inside(Path::new("/dev/null")), Err(Error::Unsafe(_))));
        assert!(matches!(folder_inside(&inside.join("folder")), Err(Error::Unsafe(_))));
        assert!(matches!(folder_inside(&inside.join("file")), Err(Error::Unsafe(_))));
        assert!(fs::read_to_string(outside.join("file")).unwrap() == "kept" && !outside.join("new").exists());

        folder_inside(&inside.join("own")).unwrap();
        folder_inside(&inside.join("own")).unwrap();
        let own = inside.join("own/file");
        create_inside(&own).unwrap().write_all(b"longer").unwrap();
        create_inside(&own).unwrap().write_all(b"new").unwrap();
        assert_eq!(fs::read_to_string(&own).unwrap(), "new");
        fs::remove_dir_all(&folder).unwrap();
    }
}
