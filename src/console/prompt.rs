//! Prompts for a secret at a terminal. The secret is not shown, and no rest of the paste is left
//! for the shell to read.

use std::io::{self, Cursor, Read, Write as _};

use zeroize::Zeroizing;

/// Reads a pasted secret. Prompts on the first read, and ends at Enter.
pub(crate) struct Prompt {
    /// The most bytes to keep.
    max_bytes: usize,
    pasted: Option<Cursor<Zeroizing<Vec<u8>>>>,
}

impl Prompt {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { max_bytes, pasted: None }
    }
}

impl Read for Prompt {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let pasted = match &mut self.pasted {
            Some(pasted) => pasted,
            none => none.insert(Cursor::new(read_secret(self.max_bytes)?)),
        };
        let rest = pasted.get_ref().get(usize::try_from(pasted.position()).unwrap_or(0)..);
        let read = rest.unwrap_or_default().read(buffer)?;
        pasted.set_position(pasted.position() + read as u64);
        Ok(read)
    }
}

/// Collects typed and pasted bytes.
#[derive(Default)]
#[cfg_attr(windows, allow(dead_code))]
struct Typed {
    max_bytes: usize,
    content: Zeroizing<Vec<u8>>,
    /// An incomplete escape sequence.
    sequence: Vec<u8>,
    /// Whether the input is between the marks of a paste.
    in_paste: bool,
    /// Whether the terminal marks pastes.
    marks_pastes: bool,
}

/// The effect of a byte.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(windows, allow(dead_code))]
enum Key {
    More,
    /// Enter, or a line break in a paste that the terminal does not mark.
    Enter,
    /// Ctrl-D.
    End,
}

#[cfg_attr(windows, allow(dead_code))]
impl Typed {
    /// Marks around a paste (xterm's control sequences, "Bracketed Paste Mode").
    const PASTE: [&'static [u8]; 2] = [b"\x1b[200~", b"\x1b[201~"];

    fn new(max_bytes: usize) -> Self {
        // A growing vector would leave copies behind.
        Self {
            max_bytes,
            content: Zeroizing::new(Vec::with_capacity(max_bytes)),
            ..Self::default()
        }
    }

    fn handle_byte(&mut self, byte: u8) -> Key {
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

    /// Keeps a byte. Drops bytes beyond the max_bytes token, which must not reach the shell either.
    fn push(&mut self, byte: u8) {
        if self.content.len() < self.max_bytes {
            self.content.push(byte);
        }
    }

    /// Handles escape sequences. Those that do not mark a paste are keys, such as arrows, and
    /// ignored.
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

fn write_prompt(text: &str) {
    // The paste works without a prompt too.
    let _ = io::stderr().write_all(text.as_bytes()).and_then(|()| io::stderr().flush());
}

#[cfg(unix)]
fn read_secret(max_bytes: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    use std::os::fd::AsFd as _;

    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    /// Input within this time after a line break belongs to the same paste, in milliseconds.
    const GAP: u16 = 250;

    let stdin = io::stdin();
    let terminal = stdin.as_fd();
    let quiet = quiet::Terminal::silence()?;
    write_prompt("Paste the token (it is not shown), then press Enter: \x1b[?2004h");
    let mut typed = Typed::new(max_bytes);
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
            match typed.handle_byte(*byte) {
                Key::More => is_enter = false,
                Key::End => break 'reading,
                // Read on: the next bytes may be the next line of the paste.
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
    write_prompt(&format!("\x1b[?2004l[{count} characters read]\n"));
    Ok(typed.content)
}

/// Shows the paste, because hiding it would need unsafe code here.
#[cfg(not(unix))]
fn read_secret(_longest: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    write_prompt("Paste the token (this console shows it), then press Enter: ");
    let mut line = Zeroizing::new(String::new());
    io::stdin().read_line(&mut line)?;
    Ok(Zeroizing::new(line.as_bytes().to_owned()))
}

#[cfg(unix)]
mod quiet {
    use std::io;

    use nix::sys::termios::{self, LocalFlags, SetArg, SpecialCharacterIndices};

    use crate::console::signals::uninterrupted;

    /// A terminal without echo and line mode. In line mode, a line has at most 4095 bytes
    /// (termios(3)).
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
                // Disables Ctrl-Z, which would leave the shell a terminal without echo.
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

    /// The content kept from these bytes, and the effect of the last one.
    fn typed(bytes: &[u8]) -> (Vec<u8>, Key) {
        let mut typed = Typed::new(100);
        let mut last = Key::More;
        for byte in bytes {
            last = typed.handle_byte(*byte);
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
