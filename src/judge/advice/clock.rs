//! Advice about the machine's clock.
use crate::text::command::Command;

/// Sets the clock from the network.
pub(crate) fn set_clock() -> Command {
    Command::each("timedatectl set-ntp true", Some("w32tm /resync".to_owned()))
}
