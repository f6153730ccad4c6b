//! install.sh against a release on loopback: what it installs, and that it installs nothing when
//! something is wrong.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::support::{Authority, Proxy, ProxyAction, Response, Server};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/install.sh");

/// A program like doctor, as far as the script looks.
const PROGRAM: &str = "#!/bin/sh\necho doctor 0.0.0-test\n";

/// A machine, and a release that a server has for it.
struct Machine {
    directory: TempDir,
    authority: Authority,
    archive: String,
    packed: Vec<u8>,
    sums: String,
    environment: Vec<(&'static str, String)>,
}

fn stdout(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

impl Machine {
    fn new() -> Self {
        Self::with_programs(PROGRAM)
    }

    fn with_programs(program: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let machine = String::from_utf8(stdout(Command::new("uname").arg("-m"))).unwrap();
        let system = if cfg!(target_os = "macos") { "apple-darwin" } else { "unknown-linux-musl" };
        let machine = machine.trim().replace("arm64", "aarch64");
        let name = format!("pulumi-oidc-doctor-{machine}-{system}");
        let folder = directory.path().join(&name);
        fs::create_dir(&folder).unwrap();
        for program_name in ["doctor", "pulumi-oidc-doctor"] {
            fs::write(folder.join(program_name), program).unwrap();
            let executable = fs::Permissions::from_mode(0o755);
            fs::set_permissions(folder.join(program_name), executable).unwrap();
        }
        let mut tar = Command::new("tar");
        let packed = stdout(tar.arg("-C").arg(directory.path()).args(["-cz", &name]));
        let archive = format!("{name}.tar.gz");
        let authority = Authority::new().unwrap();
        for folder in ["home", "temporary"] {
            fs::create_dir(directory.path().join(folder)).unwrap();
        }
        fs::write(directory.path().join("ca.pem"), authority.pem()).unwrap();
        let mut machine = Self {
            sums: String::new(),
            environment: Vec::new(),
            directory,
            authority,
            archive,
            packed,
        };
        machine.sums = machine.sums_of(&machine.packed);
        machine
    }

    /// `SHA256SUMS` of a release with this archive, and with one of another platform.
    fn sums_of(&self, packed: &[u8]) -> String {
        let file = self.directory.path().join("to-sum");
        fs::write(&file, packed).unwrap();
        let sum = String::from_utf8(stdout(Command::new("sha256sum").arg(&file))).unwrap();
        let sum = sum.split(' ').next().unwrap();
        format!("{}  pulumi-oidc-doctor-other.tar.gz\n{sum}  {}\n", "0".repeat(64), self.archive)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn serve(&self) -> Server {
        let (archive, packed, sums) =
            (format!("/{}", self.archive), self.packed.clone(), self.sums.clone());
        let identity = self.authority.issue(&["127.0.0.1", "mirror.test"]).unwrap();
        Server::start_http1(identity, move |request| match request.path() {
            "/SHA256SUMS" => Response::new(200, "text/plain", sums.clone()),
            path if path == archive => Response::new(200, "application/gzip", packed.clone()),
            _ => Response::new(404, "text/plain", "Not Found"),
        })
        .unwrap()
    }

    fn run(&self, script: impl AsRef<Path>, arguments: &[&str]) -> Output {
        Command::new("/bin/sh")
            .arg(script.as_ref())
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("temporary"))
            .env("CURL_CA_BUNDLE", self.path("ca.pem"))
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    fn install_from(&self, from: &str, more: &[&str]) -> Output {
        let arguments = [&["--version", "0.0.0-test", "--from", from], more].concat();
        let output = self.run(SCRIPT, &arguments);
        let left: Vec<_> = fs::read_dir(self.path("temporary")).unwrap().collect();
        assert!(left.is_empty(), "temporary files are left: {left:?}");
        output
    }

    /// The script ends with a message that has these words, and nothing is installed.
    #[track_caller]
    fn fails(&self, from: &str, words: &str) {
        let directory = self.path("programs");
        let output = self.install_from(from, &["--dir", directory.to_str().unwrap()]);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.starts_with("install.sh: ") && message.contains(words), "{message}");
        assert!(output.stdout.is_empty(), "{:?}", String::from_utf8_lossy(&output.stdout));
        assert!(!directory.exists(), "{:?}", fs::read_dir(directory).unwrap().collect::<Vec<_>>());
    }
}

/// Both programs are in the directory, and nothing else.
#[track_caller]
fn installed(directory: &Path, output: &Output) {
    assert!(output.status.success(), "{output:?}");
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["doctor", "pulumi-oidc-doctor"]);
    let version = stdout(Command::new(directory.join("doctor")).arg("--version"));
    assert!(version.starts_with(b"doctor "), "{version:?}");
}

#[test]
fn programs_are_installed_into_directory() {
    let machine = Machine::new();
    let directory = machine.path("programs");
    for _ in ["first", "again"] {
        let arguments = ["--dir", directory.to_str().unwrap()];
        let output = machine.install_from(machine.serve().url(), &arguments);
        installed(&directory, &output);
        let said = String::from_utf8(output.stdout).unwrap();
        let wanted = format!("Installed doctor 0.0.0-test in {}\n", directory.display());
        assert!(said.starts_with(&wanted) && said.contains("not on PATH"), "{said}");
    }
}

/// The archives of a release, made by tools/release-archive, in the folder that DOCTOR_ARCHIVES names:
/// tests/packages/archives sets it.
#[test]
#[allow(clippy::print_stderr)]
fn release_archive_is_installed() {
    let Some(folder) = std::env::var_os("DOCTOR_ARCHIVES").map(PathBuf::from) else {
        eprintln!("NOT CHECKED: a release's own archive. tests/packages/archives makes one.");
        return;
    };
    let mut machine = Machine::new();
    machine.packed = fs::read(folder.join(&machine.archive)).unwrap();
    machine.sums = fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
    let output = machine.install_from(machine.serve().url(), &[]);
    installed(&machine.path("home/.local/bin"), &output);
}

#[test]
fn job_gets_program_on_its_path() {
    let mut machine = Machine::new();
    let server = machine.serve();
    let job = machine.path("job");
    let directory = job.join("pulumi-oidc-doctor/bin");
    let text = |path: &Path| path.to_str().unwrap().to_owned();

    let list = machine.path("github-path");
    machine.environment = vec![("RUNNER_TEMP", text(&job)), ("GITHUB_PATH", text(&list))];
    installed(&directory, &machine.install_from(server.url(), &[]));
    assert_eq!(fs::read_to_string(&list).unwrap(), format!("{}\n", directory.display()));

    fs::remove_dir_all(&job).unwrap();
    machine.environment = vec![("AGENT_TEMPDIRECTORY", text(&job)), ("TF_BUILD", "True".into())];
    let output = machine.install_from(server.url(), &[]);
    installed(&directory, &output);
    let said = String::from_utf8(output.stdout).unwrap();
    let command = format!("##vso[task.prependpath]{}\n", directory.display());
    assert!(said.ends_with(&command), "{said}");
}

#[test]
fn download_goes_through_proxy() {
    let mut machine = Machine::new();
    let server = machine.serve();
    let address = server.url().trim_start_matches("https://").parse().unwrap();
    let proxy = Proxy::always(ProxyAction::Tunnel(address));
    machine.environment = vec![("https_proxy", proxy.url())];
    let output = machine.install_from("https://mirror.test/releases", &[]);
    assert!(!output.status.success(), "the server has no such folder: {output:?}");
    installed(&machine.path("home/.local/bin"), &machine.install_from("https://mirror.test", &[]));
    assert!(proxy.was_asked_for("mirror.test:443"));

    let refusing = Proxy::always(ProxyAction::status("403 Forbidden", "", ""));
    machine.environment = vec![("https_proxy", refusing.url())];
    machine.fails("https://mirror.test", "cannot download https://mirror.test/SHA256SUMS");
}

#[test]
#[allow(clippy::print_stderr)]
fn wget_downloads_where_curl_is_missing() {
    if !Path::new("/usr/bin/wget").exists() {
        eprintln!("NOT CHECKED: the download with wget. It is not installed.");
        return;
    }
    let mut machine = Machine::new();
    let bin = machine.path("bin");
    fs::create_dir(&bin).unwrap();
    for name in ["/usr/bin", "/bin"].iter().flat_map(|folder| fs::read_dir(folder).unwrap()) {
        let program = name.unwrap().path();
        let link = bin.join(program.file_name().unwrap());
        if !program.ends_with("curl") && !link.exists() {
            std::os::unix::fs::symlink(program, link).unwrap();
        }
    }
    let settings = machine.path("wgetrc");
    fs::write(&settings, format!("ca_certificate={}\n", machine.path("ca.pem").display())).unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    machine.environment = vec![("PATH", text(&bin)), ("WGETRC", text(&settings))];
    let server = machine.serve();
    machine.fails(&format!("{}/v9.9.9", server.url()), "404");
    installed(&machine.path("home/.local/bin"), &machine.install_from(server.url(), &[]));
}

#[test]
fn wrong_sum_installs_nothing() {
    let mut machine = Machine::new();
    machine.sums = machine.sums_of(b"another archive");
    machine.fails(machine.serve().url(), "SHA256SUMS has ");
    // A line of another platform does not count.
    machine.sums = format!("{}  other-{}\n", "0".repeat(64), machine.archive);
    machine.fails(machine.serve().url(), "has no sum for");
}

#[test]
fn cut_off_download_installs_nothing() {
    let mut machine = Machine::new();
    // A mirror that has half of the file.
    machine.packed.truncate(machine.packed.len() / 2);
    machine.fails(machine.serve().url(), "SHA256SUMS has ");

    // A connection that ends in the middle.
    let sums = machine.sums.clone();
    let half = machine.packed.clone();
    let identity = machine.authority.issue(&["127.0.0.1"]).unwrap();
    let server = Server::start_http1(identity, move |request| match request.path() {
        "/SHA256SUMS" => Response::new(200, "text/plain", sums.clone()),
        _ => Response::new(200, "application/gzip", half.clone())
            .header("content-length", &(half.len() * 2).to_string()),
    })
    .unwrap();
    machine.fails(server.url(), "cannot download");
}

#[test]
fn missing_release_installs_nothing() {
    let mut machine = Machine::new();
    let server = machine.serve();
    machine.fails(&format!("{}/v9.9.9", server.url()), "404");
    machine.archive = "pulumi-oidc-doctor-other.tar.gz".into();
    machine.fails(machine.serve().url(), "404");
}

#[test]
fn unreachable_server_installs_nothing() {
    let machine = Machine::new();
    let gone = machine.serve().url().to_owned();
    machine.fails(&gone, "Can this machine reach the server");
    let stranger = Authority::new().unwrap().issue(&["127.0.0.1"]).unwrap();
    let server = Server::start_http1(stranger, |_| Response::new(200, "text/plain", "")).unwrap();
    machine.fails(server.url(), "certificate");
}

#[test]
fn failing_program_is_not_installed() {
    let machine = Machine::with_programs("#!/bin/sh\necho wrong machine >&2\nexit 1\n");
    machine.fails(machine.serve().url(), "does not run on this machine: wrong machine");
}

#[test]
fn unknown_platform_is_named() {
    let machine = Machine::new();
    for (system, kind, words) in [
        ("FreeBSD", "amd64", "no program for FreeBSD on amd64"),
        ("Linux", "riscv64", "no program for Linux on riscv64"),
        ("MINGW64_NT-10.0", "x86_64", "use install.ps1"),
    ] {
        let uname = format!("#!/bin/sh\n[ \"$1\" = -m ] && echo {kind} || echo {system}\n");
        let bin = machine.path("bin");
        fs::create_dir_all(&bin).unwrap();
        fs::write(bin.join("uname"), uname).unwrap();
        fs::set_permissions(bin.join("uname"), fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:/usr/bin:/bin", bin.display());
        let machine = Machine { environment: vec![("PATH", path)], ..Machine::new() };
        machine.fails("https://127.0.0.1:1", words);
    }
}

#[test]
fn wrong_arguments_are_refused() {
    let machine = Machine::new();
    for (arguments, words) in [
        (&["--nope"][..], "unknown argument: --nope"),
        (&["--version"], "--version needs a value"),
        (&["--version", "1/../../x"], "not a version"),
        (&["--from", "http://127.0.0.1"], "must be an https address"),
    ] {
        let output = machine.run(SCRIPT, arguments);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(message.contains(words), "{arguments:?}: {message}");
    }
    let help = machine.run(SCRIPT, &["--help"]);
    assert!(help.status.success() && help.stdout.starts_with(b"Usage: install.sh"), "{help:?}");
}

/// The Cargo.toml in the current directory may be another project's.
#[test]
fn copy_without_release_asks_for_version() {
    let machine = Machine::new();
    let copy = machine.path("get.sh");
    fs::copy(SCRIPT, &copy).unwrap();
    fs::write(machine.path("Cargo.toml"), "version = \"6.6.6\"\nrepository = \"https://a.test\"\n")
        .unwrap();
    let output = machine.run(&copy, &[]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("belongs to no release"), "{message}");
}
