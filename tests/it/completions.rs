//! Shell completions and the manual page.

use std::process::{Command, Stdio};

use crate::support::Doctor;

fn printed(arguments: &[&str]) -> String {
    let run = Doctor::bare().args(arguments.iter().copied()).run();
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{arguments:?}");
    run.stdout
}

#[test]
fn every_shell_has_its_completions() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = printed(&["completions", shell]);
        for word in ["policy", "decode", "explain", "oidc-org", "lint", "version"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
        assert!(!script.contains("generate"), "{shell} offers what help hides");
    }
    assert_eq!(Doctor::bare().args(["completions", "tcsh"]).run().status, 2);
}

#[cfg(unix)]
#[test]
fn bash_understands_its_own() {
    use std::io::Write;
    let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn().unwrap();
    bash.stdin.take().unwrap().write_all(printed(&["completions", "bash"]).as_bytes()).unwrap();
    assert!(bash.wait().unwrap().success());
}

#[test]
fn the_manual_has_what_scripts_need() {
    let page = printed(&["man"]);
    for part in [
        ".TH doctor 1",
        ".SH \"EXIT STATUS\"",
        "inconclusive",
        ".SH ENVIRONMENT",
        "DOCTOR_ACCESS_TOKEN",
        "oidc\\-org",
        "doctor\\-policy(1)",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
}
