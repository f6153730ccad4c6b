//! Runs a process with pipes, or with a terminal as standard error.

use std::fs;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::memory;

/// The time after which a process is killed. No run takes as long, whatever its `--timeout`.
const LIMIT: Duration = Duration::from_secs(60);

/// The interval at which a process is polled grows with its run time, between these.
const MIN_INTERVAL: Duration = Duration::from_millis(1);
const MAX_INTERVAL: Duration = Duration::from_millis(5);

/// A running process.
pub struct Process {
    child: Child,
    /// Kept open if nothing is written to it.
    stdin: Option<ChildStdin>,
    /// The readers of standard output and standard error.
    readers: Option<[JoinHandle<String>; 2]>,
    started: Instant,
}

/// The result of a process.
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
    /// The time since the start, or since the last signal that was sent to the process.
    pub elapsed: Duration,
    /// The peak memory in bytes, if the system reports it.
    pub peak_memory: Option<u64>,
}

impl Process {
    /// Starts a process. Without `stdin`, its standard input is silent and never ends.
    pub fn start(mut command: Command, stdin: Option<Vec<u8>>, has_terminal: bool) -> Self {
        let started = Instant::now();
        let (stderr, screen) = if has_terminal {
            let (end, screen) = terminal();
            (end.into(), Some(screen))
        } else {
            (Stdio::piped(), None)
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr);
        let mut child = command.spawn().unwrap();
        // The command holds the terminal's other end open.
        drop(command);
        let mut open_stdin = child.stdin.take();
        if let Some(content) = stdin {
            let mut pipe = open_stdin.take().unwrap();
            // Writing fails if the process ends without reading everything.
            thread::spawn(move || pipe.write_all(&content));
        }
        let stdout = spawn_reader(child.stdout.take().unwrap());
        let stderr = match screen {
            Some(screen) => spawn_reader(screen),
            None => spawn_reader(child.stderr.take().unwrap()),
        };
        Self { child, stdin: open_stdin, readers: Some([stdout, stderr]), started }
    }

    /// Sends a signal.
    #[cfg(unix)]
    pub fn signal(&mut self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, signal).unwrap();
        self.started = Instant::now();
    }

    /// Whether the process has not ended yet.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for the end of the process. Must be called only once.
    pub fn wait(&mut self) -> Ended {
        let mut peak_memory = None;
        let status = loop {
            peak_memory = memory::peak(self.child.id()).or(peak_memory);
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if self.started.elapsed() > LIMIT {
                self.child.kill().unwrap();
                panic!("still running after {LIMIT:?}");
            }
            // Most runs end within 50 ms.
            thread::sleep((self.started.elapsed() / 16).clamp(MIN_INTERVAL, MAX_INTERVAL));
        };
        let elapsed = self.started.elapsed();
        self.stdin = None;
        let [stdout, stderr] = self.readers.take().unwrap().map(|reader| reader.join().unwrap());
        Ended { status, stdout, stderr, elapsed, peak_memory }
    }
}

/// Waits until a condition holds.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(50), "{what}: it does not come to that");
        thread::sleep(Duration::from_millis(2));
    }
}

/// The last line that a terminal shows after this text was written to it. Asserts that the cursor
/// is at the line's beginning.
pub fn last_screen_line(written: &str) -> String {
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

fn spawn_reader(mut source: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // Reading a terminal without writers ends with an error.
        let _ = source.read_to_end(&mut bytes);
        String::from_utf8(bytes).expect("UTF-8")
    })
}

/// Opens a terminal of 80 columns. Returns the end for the program, and the end to read from.
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
