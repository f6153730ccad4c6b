//! Inspects the folder of the CLI's files for what prevents the CLI from using it.
//!
//! Sources: sdk/go/common/workspace/creds.go (`getCredsFilePath`, `GetPulumiConfig`), credstore.go,
//! sdk/go/common/util/pulumihome, util/securestore (resolve_linux.go, probe_linux.go).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::file::read_file;
use super::settings::variable;
use crate::evidence::{BrokenConfig, CliFolder, FolderOperation, StoreProblem, UnusableFolder};
use crate::pulumi::go::decode::{Struct, Type, decode};
use crate::text::secret::Scrubber;

const CONFIG: Struct =
    Struct { name: "workspace.PulumiConfig", fields: &[("backends", Type::Map(&BACKEND_CONFIG))] };
const BACKEND_CONFIG: Struct =
    Struct { name: "workspace.BackendConfig", fields: &[("defaultOrg", Type::Text)] };

/// A folder, and the variable or setting that names it.
pub(super) struct Folder {
    pub(super) path: PathBuf,
    named_by: String,
}

/// Finds the folder of the CLI's files. Without a variable it is in the user's home directory
/// according to the system, whatever `HOME` says.
pub(super) fn find_folder(environment: &BTreeMap<String, String>, cwd: &Path) -> Option<Folder> {
    for name in ["PULUMI_CREDENTIALS_PATH", "PULUMI_HOME"] {
        if let Some(path) = variable(environment, name) {
            return Some(Folder { path: cwd.join(path), named_by: name.to_owned() });
        }
    }
    let path = home_directory(environment)?.join(".pulumi");
    Some(Folder { path: cwd.join(path), named_by: "the user's home directory".to_owned() })
}

/// Go's `user.Current`: the passwd entry. A program built without cgo falls back on `HOME`.
#[cfg(unix)]
fn home_directory(environment: &BTreeMap<String, String>) -> Option<PathBuf> {
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten();
    user.map(|user| user.dir).or_else(|| variable(environment, "HOME").map(PathBuf::from))
}

#[cfg(not(unix))]
fn home_directory(environment: &BTreeMap<String, String>) -> Option<PathBuf> {
    variable(environment, "USERPROFILE").map(PathBuf::from)
}

/// Inspects the folder without changing anything.
pub(crate) fn inspect(environment: &BTreeMap<String, String>, cwd: &Path) -> CliFolder {
    let folder = find_folder(environment, cwd);
    CliFolder {
        unusable: folder.as_ref().and_then(find_obstacle),
        store: find_store_problem(environment),
        config: folder.as_ref().and_then(find_broken_config),
    }
}

fn printable(path: &Path) -> String {
    // The variable for a directory may hold a token by mistake.
    Scrubber::default().scrub(&path.to_string_lossy())
}

/// Why the CLI cannot create the folder (Go's `os.MkdirAll`) or a file in it.
fn find_obstacle(folder: &Folder) -> Option<UnusableFolder> {
    let (operation, obstacle, reason) = mkdir_obstacle(&folder.path).or_else(|| {
        let file = folder.path.join("credentials.json");
        let reason = match file.try_exists() {
            Ok(true) => write_obstacle(&file)?,
            _ => write_obstacle(&folder.path).filter(|_| folder.path.is_dir())?,
        };
        Some((FolderOperation::Open, file, reason))
    })?;
    Some(UnusableFolder {
        path: printable(&folder.path),
        named_by: folder.named_by.clone(),
        operation,
        obstacle: printable(&obstacle),
        reason: reason.to_owned(),
    })
}

fn mkdir_obstacle(path: &Path) -> Option<(FolderOperation, PathBuf, &'static str)> {
    let mkdir = |reason| Some((FolderOperation::Mkdir, path.to_owned(), reason));
    match path.metadata() {
        Ok(found) if found.is_dir() => None,
        Ok(_) => mkdir("not a directory"),
        Err(_) => {
            let parent = path.parent()?;
            mkdir_obstacle(parent).or_else(|| {
                let exists = parent.try_exists().unwrap_or(true);
                mkdir(write_obstacle(parent).filter(|_| exists)?)
            })
        }
    }
}

#[cfg(unix)]
fn write_obstacle(path: &Path) -> Option<&'static str> {
    use nix::errno::Errno;
    use nix::unistd::{AccessFlags, access};
    let flags =
        if path.is_dir() { AccessFlags::W_OK | AccessFlags::X_OK } else { AccessFlags::W_OK };
    match access(path, flags) {
        Err(Errno::EACCES | Errno::EPERM) => Some("permission denied"),
        Err(Errno::EROFS) => Some("read-only file system"),
        _ => None,
    }
}

#[cfg(not(unix))]
fn write_obstacle(_: &Path) -> Option<&'static str> {
    None
}

/// The problem of the selected credential store (Go's `credentialStoreMode`).
fn find_store_problem(environment: &BTreeMap<String, String>) -> Option<StoreProblem> {
    let value = variable(environment, "PULUMI_CREDENTIAL_STORE")?;
    match value.trim().to_ascii_lowercase().as_str() {
        "" | "auto" | "plaintext" => None,
        "os" => (!has_key_store(environment)).then_some(StoreProblem::NoKeyStore),
        _ => Some(StoreProblem::Unknown { value: Scrubber::default().scrub(value) }),
    }
}

/// Whether the system may have a store for keys. On Linux that is the Secret Service, which needs a
/// session bus, or a TPM; other systems always have one.
fn has_key_store(environment: &BTreeMap<String, String>) -> bool {
    let has_bus = variable(environment, "DBUS_SESSION_BUS_ADDRESS").is_some()
        || variable(environment, "XDG_RUNTIME_DIR")
            .is_some_and(|directory| Path::new(directory).join("bus").exists());
    let has_tpm = ["/dev/tpmrm0", "/dev/tpm0"].iter().any(|device| Path::new(device).exists());
    has_bus || has_tpm || !cfg!(target_os = "linux")
}

/// The error of reading config.json (`GetPulumiConfig`).
fn find_broken_config(folder: &Folder) -> Option<BrokenConfig> {
    let path = folder.path.join("config.json");
    path.metadata().ok().filter(|found| found.is_file())?;
    let bytes = read_file(&path).ok()?;
    let cause = decode(&bytes, &CONFIG).err()?;
    Some(BrokenConfig { path: printable(&path), cause })
}
