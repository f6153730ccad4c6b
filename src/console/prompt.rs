//! A secret that is pasted at a terminal: nothing of it is shown, and nothing of it is left for the
//! shell that reads the terminal afterwards.

use std::io::{self, Cursor, Read, Write as _};

use zeroize::Zeroizing;

/// Reads what is pasted: asks when it is first read, and ends at Enter.
pub(crate) struct Prompt {
    /// How much is kept, in bytes.
    longest: usize,
    pasted: Option<Cursor<Zeroizing<Vec<u8>>>>,
}

impl Prompt {
    pub(crate) fn new(longest: usize) -> Self {
        Self { longest, pasted: None }
    }
}

impl Read for Prompt {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let pasted = match &mut self.pasted {
            Some(pasted) => pasted,
            none => none.insert(Cursor::new(ask(self.longest)?)),
        };
        let rest = pasted.get_ref().get(usize::try_from(pasted.position()).unwrap_or(0)..);
        let read = rest.unwrap_or_default().read(buffer)?;
        pasted.set_position(pasted.position() + read as u64);
        Ok(read)
    }
}

/// What is typed and pasted, byte by byte.
#[derive(Default)]
#[cfg_attr(windows, allow(dead_code))]
struct Typed {
    longest: usize,
    content: Zeroizing<Vec<u8>>,
    /// An escape sequence that has begun.
    sequence: Vec<u8>,
    /// Whether the bytes are between the marks that a terminal puts around a paste.
    in_paste: bool,
    /// Whether the terminal puts them there.
    marks_pastes: bool,
}

/// What a byte comes to.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(windows, allow(dead_code))]
enum Key {
    More,
    /// Enter, or a line break of a paste that the terminal does not mark.
    Enter,
    /// Ctrl-D.
    End,
}

#[cfg_attr(windows, allow(dead_code))]
impl Typed {
    /// Marks around a paste (xterm's control sequences, "Bracketed Paste Mode").
    const PASTE: [&'static [u8]; 2] = [b"\x1b[200~", b"\x1b[201~"];

    fn new(longest: usize) -> Self {
        // A vector that grows leaves copies behind.
        Self { longest, content: Zeroizing::new(Vec::with_capacity(longest)), ..Self::default() }
    }

    fn key(&mut self, byte: u8) -> Key {
        if byte == 0x1b || !self.sequence.is_empty() {
            self.escape(byte);
            return Key::More;
        }
        match byte {
            _ if self.in_paste => self.push(byte),
            b'\r' | b'\n' => {
                self.push(b'\n');
                return Key::Enter;
            }
            0x04 => return Key::End,
            0x08 | 0x7f => drop(self.content.pop()),
            // Ctrl-U.
            0x15 => self.content.clear(),
            _ => self.push(byte),
        }
        Key::More
    }

    /// What is too long for a token is read and dropped: it must not reach the shell either.
    fn push(&mut self, byte: u8) {
        if self.content.len() < self.longest {
            self.content.push(byte);
        }
    }

    /// A sequence that is no mark of a paste is a key, such as an arrow, and no text.
    fn escape(&mut self, byte: u8) {
        self.sequence.push(byte);
        let [begins, ends] = Self::PASTE;
        if self.sequence == begins || self.sequence == ends {
            self.in_paste = self.sequence == begins;
            self.marks_pastes = true;
            self.sequence.clear();
        } else if !Self::PASTE.iter().any(|mark| mark.starts_with(&self.sequence)) {
            let is_over = byte.is_ascii_alphabetic() || byte == b'~' || self.sequence.len() > 8;
            if is_over {
                self.sequence.clear();
            }
        }
    }
}

fn say(text: &str) {
    // Without a prompt, the paste is as good.
    let _ = io::stderr().write_all(text.as_bytes()).and_then(|()| io::stderr().flush());
}

#[cfg(unix)]
fn ask(longest: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    use std::os::fd::AsFd as _;

    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    /// What comes this soon after a line break belongs to the same paste, in milliseconds.
    const GAP: u16 = 250;

    let stdin = io::stdin();
    let terminal = stdin.as_fd();
    let quiet = quiet::Terminal::silence()?;
    say("Paste the token (it is not shown), then press Enter: \x1b[?2004h");
    let mut typed = Typed::new(longest);
    let mut chunk = Zeroizing::new([0; 4096]);
    'reading: loop {
        let read = match nix::unistd::read(terminal, &mut *chunk) {
            Ok(0) => break,
            Ok(read) => read,
            Err(nix::errno::Errno::EINTR) => continue,
            Err(error) => return Err(error.into()),
        };
        let mut is_enter = false;
        for byte in chunk.get(..read).unwrap_or_default() {
            match typed.key(*byte) {
                Key::More => is_enter = false,
                Key::End => break 'reading,
                // The rest of what was there is read on: it may be the next line of the paste.
                Key::Enter if typed.marks_pastes => break 'reading,
                Key::Enter => is_enter = true,
            }
        }
        let mut waiting = [PollFd::new(terminal, PollFlags::POLLIN)];
        if is_enter && poll(&mut waiting, PollTimeout::from(GAP)) == Ok(0) {
            break;
        }
    }
    drop(quiet);
    let count = typed.content.trim_ascii().len();
    say(&format!("\x1b[?2004l[{count} characters read]\n"));
    Ok(typed.content)
}

/// There is no way to hide it without unsafe code here.
#[cfg(not(unix))]
fn ask(_longest: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    say("Paste the token (this console shows it), then press Enter: ");
    let mut line = Zeroizing::new(String::new());
    io::stdin().read_line(&mut line)?;
    Ok(Zeroizing::new(line.as_bytes().to_owned()))
}

#[cfg(unix)]
mod quiet {
    use std::io;

    use nix::sys::termios::{self, LocalFlags, SetArg, SpecialCharacterIndices};

    use crate::console::signals::uninterrupted;

    /// A terminal that shows nothing of what is typed and gives it at once. A line of its usual mode
    /// holds no more than 4095 bytes (termios(3)).
    pub(super) struct Terminal;

    impl Terminal {
        pub(super) fn silence() -> io::Result<Self> {
            let stdin = io::stdin();
            let before = termios::tcgetattr(&stdin)?;
            let mut quiet = before.clone();
            quiet.local_flags.remove(LocalFlags::ECHO | LocalFlags::ECHONL | LocalFlags::ICANON);
            for (index, value) in [
                (SpecialCharacterIndices::VMIN, 1),
                (SpecialCharacterIndices::VTIME, 0),
                // Stopped with Ctrl-Z, it would leave the shell a silent terminal.
                (SpecialCharacterIndices::VSUSP, 0),
            ] {
                if let Some(key) = quiet.control_chars.get_mut(index as usize) {
                    *key = value;
                }
            }
            uninterrupted(|temporary| {
                termios::tcsetattr(&stdin, SetArg::TCSADRAIN, &quiet)?;
                temporary.terminal = Some(before);
                Ok(Self)
            })
        }
    }

    impl Drop for Terminal {
        fn drop(&mut self) {
            uninterrupted(crate::console::signals::Temporary::restore_terminal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is kept of these bytes, and what the last one comes to.
    fn typed(bytes: &[u8]) -> (Vec<u8>, Key) {
        let mut typed = Typed::new(100);
        let mut last = Key::More;
        for byte in bytes {
            last = typed.key(*byte);
        }
        (typed.content.to_vec(), last)
    }

    #[test]
    fn line_breaks_in_marked_paste_belong_to_it() {
        let (content, last) = typed(b"\x1b[200~a\r\nb\x04\x1b[201~\r");
        assert_eq!((content.as_slice(), last), (&b"a\r\nb\x04\n"[..], Key::Enter));
    }

    #[test]
    fn editing_keys_leave_nothing_behind() {
        assert_eq!(typed(b"xy\x15ab\x7fc\x1b[Dd").0, b"acd");
        assert_eq!(typed(b"ab\x04"), (b"ab".to_vec(), Key::End));
    }

    #[test]
    fn more_than_a_token_is_dropped() {
        assert_eq!(typed(&[b'a'; 1000]).0.len(), 100);
    }
}
