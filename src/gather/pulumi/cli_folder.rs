//! The folder of the CLI's files, and what keeps the CLI from using it.
//!
//! Sources: sdk/go/common/workspace/creds.go (`getCredsFilePath`, `GetPulumiConfig`), credstore.go,
//! sdk/go/common/util/pulumihome, util/securestore (resolve_linux.go, probe_linux.go).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::file::read_file;
use super::source::variable;
use crate::evidence::{BrokenConfig, CliFolder, FolderOperation, StoreProblem, UnusableFolder};
use crate::pulumi::go::decode::{Struct, Type, decode};
use crate::text::secret::Scrubber;

const CONFIG: Struct =
    Struct { name: "workspace.PulumiConfig", fields: &[("backends", Type::Map(&BACKEND_CONFIG))] };
const BACKEND_CONFIG: Struct =
    Struct { name: "workspace.BackendConfig", fields: &[("defaultOrg", Type::Text)] };

/// A folder and what names it.
pub(super) struct Folder {
    pub(super) path: PathBuf,
    named_by: String,
}

/// Where the CLI keeps its files. Without a variable that is below the home directory that the system
/// knows for the user, whatever `HOME` says.
pub(super) fn location(environment: &BTreeMap<String, String>, cwd: &Path) -> Option<Folder> {
    for name in ["PULUMI_CREDENTIALS_PATH", "PULUMI_HOME"] {
        if let Some(path) = variable(environment, name) {
            return Some(Folder { path: cwd.join(path), named_by: name.to_owned() });
        }
    }
    let path = home(environment)?.join(".pulumi");
    Some(Folder { path: cwd.join(path), named_by: "the user's home directory".to_owned() })
}

/// Go's `user.Current`: the passwd entry. A program built without cgo falls back on `HOME`.
#[cfg(unix)]
fn home(environment: &BTreeMap<String, String>) -> Option<PathBuf> {
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten();
    user.map(|user| user.dir).or_else(|| variable(environment, "HOME").map(PathBuf::from))
}

#[cfg(not(unix))]
fn home(environment: &BTreeMap<String, String>) -> Option<PathBuf> {
    variable(environment, "USERPROFILE").map(PathBuf::from)
}

/// Looks at the folder without changing anything.
pub(crate) fn inspect(environment: &BTreeMap<String, String>, cwd: &Path) -> CliFolder {
    let folder = location(environment, cwd);
    CliFolder {
        unusable: folder.as_ref().and_then(unusable),
        store: store(environment),
        config: folder.as_ref().and_then(config),
    }
}

fn shown(path: &Path) -> String {
    // A token may stand where a directory belongs.
    Scrubber::default().scrub(&path.to_string_lossy())
}

/// Why the folder cannot be made (Go's `os.MkdirAll`), or no file can be made in it.
fn unusable(folder: &Folder) -> Option<UnusableFolder> {
    let (operation, obstacle, reason) = cannot_make(&folder.path).or_else(|| {
        let file = folder.path.join("credentials.json");
        let reason = match file.try_exists() {
            Ok(true) => not_writable(&file)?,
            _ => not_writable(&folder.path).filter(|_| folder.path.is_dir())?,
        };
        Some((FolderOperation::Open, file, reason))
    })?;
    Some(UnusableFolder {
        path: shown(&folder.path),
        named_by: folder.named_by.clone(),
        operation,
        obstacle: shown(&obstacle),
        reason: reason.to_owned(),
    })
}

fn cannot_make(path: &Path) -> Option<(FolderOperation, PathBuf, &'static str)> {
    let mkdir = |reason| Some((FolderOperation::Mkdir, path.to_owned(), reason));
    match path.metadata() {
        Ok(found) if found.is_dir() => None,
        Ok(_) => mkdir("not a directory"),
        Err(_) => {
            let parent = path.parent()?;
            cannot_make(parent).or_else(|| {
                let exists = parent.try_exists().unwrap_or(true);
                mkdir(not_writable(parent).filter(|_| exists)?)
            })
        }
    }
}

#[cfg(unix)]
fn not_writable(path: &Path) -> Option<&'static str> {
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
fn not_writable(_: &Path) -> Option<&'static str> {
    None
}

/// `credentialStoreMode`, and whether anything here can keep a key.
fn store(environment: &BTreeMap<String, String>) -> Option<StoreProblem> {
    let value = variable(environment, "PULUMI_CREDENTIAL_STORE")?;
    match value.trim().to_ascii_lowercase().as_str() {
        "" | "auto" | "plaintext" => None,
        "os" => (!may_keep_key(environment)).then_some(StoreProblem::NoKeyStore),
        _ => Some(StoreProblem::Unknown { value: Scrubber::default().scrub(value) }),
    }
}

/// On Linux the Secret Service needs a session bus, else a TPM is used; elsewhere the system has a
/// store.
fn may_keep_key(environment: &BTreeMap<String, String>) -> bool {
    let bus = variable(environment, "DBUS_SESSION_BUS_ADDRESS").is_some()
        || variable(environment, "XDG_RUNTIME_DIR")
            .is_some_and(|directory| Path::new(directory).join("bus").exists());
    let tpm = ["/dev/tpmrm0", "/dev/tpm0"].iter().any(|device| Path::new(device).exists());
    bus || tpm || !cfg!(target_os = "linux")
}

/// What is wrong with config.json (`GetPulumiConfig`).
fn config(folder: &Folder) -> Option<BrokenConfig> {
    let path = folder.path.join("config.json");
    path.metadata().ok().filter(|found| found.is_file())?;
    let bytes = read_file(&path).ok()?;
    let cause = decode(&bytes, &CONFIG).err()?;
    Some(BrokenConfig { path: shown(&path), cause })
}
