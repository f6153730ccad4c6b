//! The policy commands, policy documents and their evaluation.

mod cases;
pub mod command;
mod differential;
mod docs;
mod fix;
mod forms;
mod live;
mod properties;
mod suggest;
mod who;
