//! Gathers what the installed `pulumi` would use: version, project file, credentials, backend.

pub(crate) mod backend;
pub(crate) mod cli_folder;
pub mod credential_helper;
pub(crate) mod credentials_file;
pub(crate) mod file;
pub(crate) mod project_file;
pub(crate) mod settings;
pub(crate) mod version;
