//! A process with pipes, or a terminal, at its ends.

use std::fs;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::memory;

/// No run takes as long as this, whatever its `--timeout`.
const LIMIT: Duration = Duration::from_secs(60);

/// How often a process is looked at: rarely when it has gone on for long.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(5);

/// A process that goes on.
pub struct Process {
    child: Child,
    /// Kept open, where nobody writes to it.
    stdin: Option<ChildStdin>,
    /// Of standard output and standard error.
    readers: Option<[JoinHandle<String>; 2]>,
    began: Instant,
}

/// What came of a process.
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
    /// Since it began, or since the signal that was sent to it.
    pub elapsed: Duration,
    /// The most memory that it held at once, in bytes, as far as this system tells.
    pub peak_memory: Option<u64>,
}

impl Process {
    /// Starts it. Its standard input never says anything and never ends where it is given none;
    /// its standard error may be a terminal.
    pub fn start(mut command: Command, stdin: Option<Vec<u8>>, has_terminal: bool) -> Self {
        let began = Instant::now();
        let (stderr, screen) = if has_terminal {
            let (end, screen) = terminal();
            (end.into(), Some(screen))
        } else {
            (Stdio::piped(), None)
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr);
        let mut child = command.spawn().unwrap();
        // It holds the terminal's other end.
        drop(command);
        let mut silent = child.stdin.take();
        if let Some(content) = stdin {
            let mut pipe = silent.take().unwrap();
            // It may end without reading all of it.
            thread::spawn(move || pipe.write_all(&content));
        }
        let stdout = reader(child.stdout.take().unwrap());
        let stderr = match screen {
            Some(screen) => reader(screen),
            None => reader(child.stderr.take().unwrap()),
        };
        Self { child, stdin: silent, readers: Some([stdout, stderr]), began }
    }

    /// Sends a signal.
    #[cfg(unix)]
    pub fn signal(&mut self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, signal).unwrap();
        self.began = Instant::now();
    }

    /// Whether it has not ended yet.
    pub fn goes_on(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end, once.
    pub fn wait(&mut self) -> Ended {
        let mut peak_memory = None;
        let status = loop {
            peak_memory = memory::peak(self.child.id()).or(peak_memory);
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if self.began.elapsed() > LIMIT {
                self.child.kill().unwrap();
                panic!("still running after {LIMIT:?}");
            }
            // Most runs end within 50 ms.
            thread::sleep((self.began.elapsed() / 16).clamp(SHORTEST, LONGEST));
        };
        let elapsed = self.began.elapsed();
        self.stdin = None;
        let [stdout, stderr] = self.readers.take().unwrap().map(|reader| reader.join().unwrap());
        Ended { status, stdout, stderr, elapsed, peak_memory }
    }
}

/// Waits until something is so.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(50), "{what}: it does not come to that");
        thread::sleep(Duration::from_millis(2));
    }
}

/// What the last line of a terminal shows after this was written to it, and that the cursor stands
/// at its beginning.
pub fn on_screen(written: &str) -> String {
    let (mut line, mut cursor) = (Vec::new(), 0);
    for c in written.rsplit('\n').next().unwrap_or_default().chars() {
        if c == '\r' {
            cursor = 0;
            continue;
        }
        line.resize(line.len().max(cursor + 1), ' ');
        line[cursor] = c;
        cursor += 1;
    }
    assert_eq!(cursor, 0, "{written:?}");
    line.into_iter().collect::<String>().trim_end().to_owned()
}

fn reader(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // A terminal that nobody writes to any more ends with an error.
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8(bytes).expect("UTF-8")
    })
}

/// A terminal of 80 columns: the end for the program, and what shows on it.
#[cfg(unix)]
pub fn terminal() -> (fs::File, fs::File) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use rustix::termios::{Winsize, tcsetwinsize};
    let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&screen).unwrap();
    unlockpt(&screen).unwrap();
    let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&screen, size).unwrap();
    let name = ptsname(&screen, Vec::new()).unwrap().into_string().unwrap();
    let end = fs::File::options().read(true).write(true).open(name).unwrap();
    (end, screen.into())
}

#[cfg(not(unix))]
pub fn terminal() -> (fs::File, fs::File) {
    unimplemented!("terminals are for Unix only")
}
