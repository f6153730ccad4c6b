//! What the installed `pulumi` would use: version, project file, credentials, backend.

pub mod backend;
pub(crate) mod cli_folder;
pub mod credential_helper;
pub mod credentials_file;
pub(crate) mod file;
pub mod project_file;
pub(crate) mod source;
pub(crate) mod version;
