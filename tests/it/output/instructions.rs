//! What a run without a network starts with: nothing that it does not need. Counted, since a clock
//! would tell about the machine: `valgrind --tool=callgrind` counts the same in every run.

use std::process::Command;

use crate::support::World;
use crate::support::platforms::GITHUB;

/// Instructions that the debug build may take, a third more than it takes now. Trust roots, an
/// HTTP client or the search for all known messages take several times that.
const DECODE: u64 = 10_500_000;
const OFFLINE: u64 = 12_500_000;

/// `None` where there is no valgrind.
fn instructions(arguments: &[&str], directory: &std::path::Path) -> Option<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env!("CARGO_BIN_EXE_doctor"))
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .current_dir(directory)
        .output()
        .ok()?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let count = told.lines().find_map(|line| line.split("Collected : ").nth(1));
    let count = count.unwrap_or_else(|| panic!("{told}"));
    // The doctor has done its work, not just ended.
    assert!(
        output.stdout.starts_with(b"token: decoded")
            || String::from_utf8_lossy(&output.stdout).contains("Login to acme")
    );
    Some(count.trim().parse().unwrap())
}

#[test]
#[allow(clippy::print_stderr)]
fn offline_run_skips_network_setup() {
    let world = World::new(&GITHUB);
    let (token, directory) = (world.token(), tempfile::tempdir().unwrap());
    std::fs::write(directory.path().join("policy.json"), world.policy().to_string()).unwrap();
    let offline = ["--offline", "--policy", "policy.json", "--oidc-org", "acme", &token];
    for (arguments, most) in [(&["decode", &token] as &[&str], DECODE), (&offline, OFFLINE)] {
        let Some(count) = instructions(arguments, directory.path()) else {
            eprintln!("NOT CHECKED: instructions; valgrind is not installed");
            return;
        };
        let what = arguments.first().unwrap();
        assert!(count <= most, "{what}: {count} instructions; {most} are allowed");
        assert!(count > most / 3, "{what}: {count} instructions; lower the limit");
    }
}
