//! The program where there is as little as in its image: an empty directory as root, an empty
//! environment, nobody as user.
//! `tests/static` runs these tests with a static program.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{CLOUD_NAME, Doctor, Ended, ORGANIZATION, Process, World, platforms, program};

/// The user of the image.
const NOBODY: u32 = 65532;
/// That of GNU coreutils: others have no --userspec.
const CHROOT: &str = "/usr/sbin/chroot";

/// A directory with the program at its top, and its libraries where it is not static.
struct Root(TempDir);

impl Root {
    /// None, aloud, where nobody may change the root.
    #[allow(clippy::print_stderr)]
    fn new() -> Option<Self> {
        let mut probe = Command::new(CHROOT);
        probe.args(["--userspec=0:0", "/", "/bin/true"]).stderr(Stdio::null());
        if !probe.status().is_ok_and(|status| status.success()) {
            eprintln!("not tested: only root may change the root, with GNU's chroot");
            return None;
        }
        let program = PathBuf::from(program());
        let root = Self(tempfile::tempdir().unwrap());
        fs::set_permissions(root.0.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for library in libraries(&program) {
            root.install(Path::new(&library), library.trim_start_matches('/'));
        }
        root.install(&program, "doctor");
        Some(root)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn install(&self, from: &Path, name: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        // Not with `fs::copy`: while it has the program open for writing, a process that another test
        // is starting may inherit the descriptor, and the program could not be run (`ETXTBSY`).
        let copy = Command::new("cp").arg(from).arg(self.path(name)).status();
        assert!(copy.is_ok_and(|status| status.success()), "cp {name}");
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn put(&self, name: &str, content: &[u8]) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), content).unwrap();
    }

    /// A run in it. The working directory is the root, which nobody may write to.
    fn run(&self, arguments: &[&str], stdin: Option<&str>) -> Ended {
        let mut command = Command::new(CHROOT);
        command.arg(format!("--userspec={NOBODY}:{NOBODY}")).arg(self.0.path()).arg("/doctor");
        command.args(arguments).env_clear();
        Process::start(command, stdin.map(Into::into), false).wait()
    }

    /// The report of a run that ends with this status.
    #[track_caller]
    fn report(&self, status: i32, arguments: &[&str], stdin: Option<&str>) -> Value {
        let run = self.run(&[arguments, &["--format", "json"]].concat(), stdin);
        assert_eq!(run.status.code(), Some(status), "{}{}", run.stdout, run.stderr);
        assert_eq!(run.stderr, "");
        serde_json::from_str(&run.stdout).unwrap()
    }
}

/// What the dynamic linker loads for a program; nothing for a static one.
fn libraries(program: &Path) -> Vec<String> {
    let told = Command::new("ldd").arg(program).output().unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    let paths = told.split_whitespace().filter(|word| word.starts_with('/'));
    paths.map(|path| path.trim_end_matches(':').to_owned()).collect()
}

#[test]
fn offline_commands_work_in_empty_root() {
    let Some(root) = Root::new() else { return };
    let mut world = World::new(&platforms::AZURE_ENTRA);
    world.use_public_issuer();
    let token = world.token();
    root.put("policy.json", world.policy().to_string().as_bytes());

    for (arguments, words) in [
        (&["--version"][..], "doctor "),
        (&["--help"], "Usage: doctor"),
        (&["explain"], "audience-mismatch"),
        (&["explain", "audience-mismatch"], "audience"),
    ] {
        let run = root.run(arguments, None);
        assert_eq!((run.status.code(), run.stderr.as_str()), (Some(0), ""), "{arguments:?}");
        assert!(run.stdout.contains(words), "{arguments:?}: {}", run.stdout);
    }
    let decoded = root.report(0, &["decode", "-"], Some(&token));
    assert_eq!(decoded["token"]["claims"]["sub"], world.shape.claims["sub"]);

    let offline =
        ["--offline", "--oidc-org", ORGANIZATION, "--policy", "policy.json", "--token-env"];
    assert_eq!(root.report(1, &[&offline[..], &["NO"]].concat(), None)["rootCause"], "token-empty");
    let offline = &offline[..5];
    let judged = root.report(0, &[offline, &["-"]].concat(), Some(&token));
    assert_eq!(judged["policy"]["decision"], "allow");
}

#[test]
fn unprivileged_user_writes_files() {
    let Some(root) = Root::new() else { return };
    let mut world = World::new(&platforms::AZURE_ENTRA);
    world.use_public_issuer();
    let token = world.token();
    fs::create_dir(root.path("out")).unwrap();
    chown(root.path("out"), Some(NOBODY), Some(NOBODY)).unwrap();
    let offline = ["--offline", "--oidc-org", ORGANIZATION, "-"];

    let to = ["--output", "/out/report", "--bundle", "/out/bundle.json"];
    let run = root.run(&[&to[..], &offline].concat(), Some(&token));
    assert_eq!((run.status.code(), run.stderr.as_str()), (Some(3), ""), "{}", run.stdout);
    assert!(fs::read_to_string(root.path("out/report")).unwrap().contains("could not be checked"));
    let again = root.report(3, &["replay", "/out/bundle.json"], None);
    assert_eq!(again["verdict"], "inconclusive");

    let run = root.run(&[&["--bundle", "bundle.json"][..], &offline].concat(), Some(&token));
    assert_eq!(run.status.code(), Some(2), "{}", run.stderr);
    assert!(run.stderr.contains("--bundle bundle.json: permission denied"), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
}

#[test]
fn login_is_diagnosed_in_empty_root() {
    let Some(root) = Root::new() else { return };
    let world = World::new(&platforms::AZURE_ENTRA);
    let doctor = world.doctor();
    for name in ["ca.pem", "policy.json"] {
        root.put(name, &fs::read(doctor.path(name)).unwrap());
    }
    let arguments: Vec<&str> = doctor.arguments().iter().map(String::as_str).collect();
    let report = root.report(0, &arguments, None);
    assert_eq!(report["verdict"], "healthy");
    assert_eq!(report["identity"]["organizations"][0], ORGANIZATION, "{report}");

    // An engine puts /etc/hosts into every container, and no nsswitch.conf.
    root.put("etc/hosts", format!("127.0.0.1 {}\n", CLOUD_NAME).as_bytes());
    let url = world.cloud.url().replace("127.0.0.1", CLOUD_NAME);
    let named = doctor.option("--cloud-url", &url);
    let arguments: Vec<&str> = named.arguments().iter().map(String::as_str).collect();
    world.cloud.begin_run();
    assert_eq!(root.report(0, &arguments, None)["request"]["backend"]["url"], url.as_str());
}

/// Without privileges, what of it can be had: nothing in the environment but variables that lead
/// nowhere, and a working directory that cannot be written to.
#[test]
fn login_is_diagnosed_with_empty_environment() {
    let world = World::new(&platforms::AZURE_ENTRA);
    let doctor = ["TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR"]
        .into_iter()
        .fold(world.doctor().unset("PATH").unset("HOME"), |doctor, name| doctor.env(name, "/no"));
    let work = doctor.path("");
    fs::set_permissions(&work, fs::Permissions::from_mode(0o555)).unwrap();
    let run = doctor.json();
    fs::set_permissions(&work, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    assert!(Doctor::bare().unset("PATH").unset("HOME").arg("--version").run().status == 0);
}
