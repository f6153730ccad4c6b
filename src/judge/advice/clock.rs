//! The clock of the machine that the login runs on.

use crate::text::command::Command;

/// Sets the clock by the network's time.
pub(crate) fn set_clock() -> Command {
    Command::each("timedatectl set-ntp true", Some("w32tm /resync".to_owned()))
}
