//! Records of a trace and their file format: a line with the format's name, its version, and records, each preceded by
//! its length. A truncated file can be read up to its end.

use bincode::Options;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::time::{SystemTime, UNIX_EPOCH};

const MAGIC: &[u8; 11] = b"rpyc-trace\n";
const VERSION: u16 = 1;
/// Maximum size of a record.
const MAX_LENGTH: usize = 1 << 20;
/// Maximum number of bytes received at once, so that no record exceeds its maximum.
pub const CHUNK: usize = 64 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Side {
    Client,
    Server,
}

impl Side {
    pub fn name(self) -> &'static str {
        match self {
            Side::Client => "client",
            Side::Server => "server",
        }
    }

    pub fn other(self) -> Side {
        match self {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }
}

/// An event on a connection, with its time in nanoseconds since the start of the trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub connection: u64,
    pub at: u64,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum What {
    Opened {
        client: String,
        server: String,
    },
    /// The client was accepted and then rejected, usually because the server could not be reached.
    NotOpened {
        client: String,
        why: String,
    },
    Data {
        from: Side,
        bytes: Vec<u8>,
    },
    /// One side has ended its stream. `why` is empty at an ordinary end.
    Ended {
        from: Side,
        why: String,
    },
}

/// Time and addresses of a trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// Nanoseconds since 1970.
    pub began: u64,
    pub listen: String,
    pub to: String,
}

impl Head {
    pub fn now(listen: String, to: String) -> Head {
        let began = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos());
        Head { began: u64::try_from(began).unwrap_or(u64::MAX), listen, to }
    }

    /// Formats the time in UTC.
    pub fn date(&self) -> String {
        let seconds = self.began / 1_000_000_000;
        let (days, second) = (seconds / 86400, seconds % 86400);
        // If years begin in March, the leap day is the last day of the year; 400 such years have 146097 days.
        let day = days + 719_468;
        let (era, day) = (day / 146_097, day % 146_097);
        let year = (day - day / 1460 + day / 36524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day_of_month = day - (153 * month + 2) / 5 + 1;
        let (year, month) = (era * 400 + year + u64::from(month >= 10), if month < 10 { month + 3 } else { month - 9 });
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        format!("{year:04}-{month:02}-{day_of_month:02} {hour:02}:{minute:02}:{second:02} UTC")
    }
}

fn options() -> impl Options {
    bincode::DefaultOptions::new().with_fixint_encoding().with_limit(MAX_LENGTH as u64).reject_trailing_bytes()
}

/// Writes a trace. Each record is written at once, so that a killed trace loses none.
pub struct Writer {
    file: File,
}

impl Writer {
    pub fn create(path: &str, head: &Head) -> io::Result<Writer> {
        let mut file = File::create(path)?;
        file.write_all(MAGIC)?;
        file.write_all(&VERSION.to_le_bytes())?;
        let mut writer = Writer { file };
        writer.put(head)?;
        Ok(writer)
    }

    pub fn write(&mut self, record: &Record) -> io::Result<()> {
        self.put(record)
    }

    fn put(&mut self, what: &impl Serialize) -> io::Result<()> {
        let mut bytes = vec![0; 4];
        options().serialize_into(&mut bytes, what).map_err(io::Error::other)?;
        let length = (bytes.len() - 4) as u32;
        bytes.iter_mut().zip(length.to_le_bytes()).for_each(|(place, byte)| *place = byte);
        self.file.write_all(&bytes)
    }
}

/// The reason why a file cannot be read further.
#[derive(Debug)]
pub enum Trouble {
    /// The file ends inside the record that begins at this byte.
    Cut(u64),
    /// The file is not a trace, or is damaged.
    Damaged(String),
    Io(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        Trouble::Io(error)
    }
}

pub struct Reader<R> {
    input: R,
    /// Number of bytes read.
    at: u64,
}

impl Reader<BufReader<File>> {
    pub fn open(path: &str) -> Result<(Reader<BufReader<File>>, Head), Trouble> {
        Reader::new(BufReader::new(File::open(path)?))
    }
}

impl<R: Read> Reader<R> {
    pub fn new(input: R) -> Result<(Reader<R>, Head), Trouble> {
        let mut reader = Reader { input, at: 0 };
        let mut magic = [0; MAGIC.len() + 2];
        if reader.fill(&mut magic)? < magic.len() || !magic.starts_with(MAGIC) {
            return Err(Trouble::Damaged("not a file of 'rpyc trace --save'".into()));
        }
        let version = magic.last_chunk::<2>().map_or(0, |bytes| u16::from_le_bytes(*bytes));
        if version != VERSION {
            return Err(Trouble::Damaged(format!("version {version} is not supported (expected {VERSION})")));
        }
        match reader.take()? {
            Some(head) => Ok((reader, head)),
            None => Err(Trouble::Cut(magic.len() as u64)),
        }
    }

    /// Returns the number of bytes read.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// Returns the next record, None at the end.
    pub fn read(&mut self) -> Result<Option<Record>, Trouble> {
        self.take()
    }

    fn take<T: for<'a> Deserialize<'a>>(&mut self) -> Result<Option<T>, Trouble> {
        let start = self.at;
        let mut length = [0; 4];
        match self.fill(&mut length)? {
            0 => return Ok(None),
            4 => {}
            _ => return Err(Trouble::Cut(start)),
        }
        let length = u32::from_le_bytes(length) as usize;
        if length > MAX_LENGTH {
            return Err(Trouble::Damaged(format!("the record at byte {start} has an invalid length, {length}")));
        }
        let mut bytes = vec![0; length];
        if self.fill(&mut bytes)? < length {
            return Err(Trouble::Cut(start));
        }
        let record = options().deserialize(&bytes);
        record.map(Some).map_err(|error| Trouble::Damaged(format!("the record at byte {start} is broken: {error}")))
    }

    /// Reads until the buffer is full or the file ends.
    fn fill(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while let Some(rest) = room.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match self.input.read(rest) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.at += done as u64;
        Ok(done)
    }
}
