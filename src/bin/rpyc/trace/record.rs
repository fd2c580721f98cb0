//! What a trace consists of, and its form in files: a line that names the format, its version, and then records, each
//! behind its length. A file that was cut in the middle is read up to there.

use bincode::Options;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::time::{SystemTime, UNIX_EPOCH};

const MAGIC: &[u8; 11] = b"rpyc-trace\n";
const VERSION: u16 = 1;
/// What one record may take, written and read.
const MAX_LENGTH: usize = 1 << 20;
/// What is received at once, so that its record is never too long.
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

/// Something that happened on a connection, at a time in nanoseconds since the trace began.
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
    /// The client was accepted, and turned away: most likely the server could not be reached.
    NotOpened {
        client: String,
        why: String,
    },
    Data {
        from: Side,
        bytes: Vec<u8>,
    },
    /// One side sends nothing more; `why` is empty where it ended its stream as it should.
    Ended {
        from: Side,
        why: String,
    },
}

/// When a trace was made, and of what.
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

    /// The time in UTC.
    pub fn date(&self) -> String {
        let seconds = self.began / 1_000_000_000;
        let (days, second) = (seconds / 86400, seconds % 86400);
        // Years that begin in March have their odd day at the end: 400 of them have 146097 days.
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

/// Writes a trace. Each record leaves at once, so that a trace that is killed lacks nothing.
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

/// Why a file is read no further.
#[derive(Debug)]
pub enum Trouble {
    /// It ends inside a record that begins at this byte.
    Cut(u64),
    /// It is no trace, or damaged.
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
    /// How many bytes have been read.
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

    /// Bytes read so far.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// The next record; None at the end.
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

    /// Reads as much as there is.
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
