//! Shell completions and the manual page.

use std::process::Command;

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

/// Every installed shell parses its completions; the others are listed as not tested.
#[cfg(unix)]
#[test]
#[allow(clippy::print_stderr)]
fn shells_parse_their_completions() {
    for shell in ["bash", "zsh", "fish"] {
        let script = Doctor::bare().file("script", printed(&["completions", shell]));
        match Command::new(shell).arg("-n").arg(script.path("script")).output() {
            Ok(output) => {
                let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
                assert!(output.status.success() && stderr.is_empty(), "{shell}: {stderr}");
            }
            Err(_) => eprintln!("not tested: {shell} is not here"),
        }
    }
}

/// Completes the last word of a line.
#[cfg(unix)]
#[test]
fn bash_completes_last_word() {
    let script = Doctor::bare().file("script", printed(&["completions", "bash"]));
    let script = script.path("script");
    for (words, offered, not) in [
        ("doctor tri", "triage", "login"),
        ("doctor login --oidc-o", "--oidc-org", "--oidc-user"),
        ("doctor policy l", "lint", "suggest"),
        ("doctor --format ju", "junit", "json"),
        ("doctor explain audience-m", "audience-mismatch", "token-expired"),
        ("doctor demo rota", "rotated-key", "healthy"),
    ] {
        let line = format!(
            "source {script}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _doctor doctor \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"; echo \"${{COMPREPLY[@]}}\"",
            script = script.display()
        );
        let output = Command::new("bash").args(["--norc", "-c", &line]).output().unwrap();
        let replies = String::from_utf8(output.stdout).unwrap();
        assert!(replies.contains(offered) && !replies.contains(not), "{words}: {replies}");
    }
}

#[test]
fn manual_has_exit_statuses_and_options() {
    let page = printed(&["man"]);
    for part in [
        ".TH DOCTOR 1",
        ".SH \"EXIT STATUS\"",
        "inconclusive",
        ".SH ENVIRONMENT",
        "DOCTOR_ACCESS_TOKEN",
        "SYSTEM_ACCESSTOKEN",
        ".SH EXAMPLES",
        ".SS \"doctor policy lint [OPTIONS] [FILE]\"",
        "1 with \\-\\-strict and a warning",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    assert!(!page.contains("generate"), "it lists what help hides");

    let page = page.replace('\\', "");
    let mut commands = vec![doctor::cli::command()];
    while let Some(command) = commands.pop() {
        for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
            let Some(long) = arg.get_long() else { continue };
            assert!(page.contains(&format!("--{long}")), "{} --{long}", command.get_name());
        }
        commands.extend(command.get_subcommands().filter(|c| !c.is_hide_set()).cloned());
    }
}

/// mandoc warns only about the missing date, which would differ between builds.
#[cfg(unix)]
#[test]
#[allow(clippy::print_stderr)]
fn manual_is_well_formed() {
    let page = Doctor::bare().file("doctor.1", printed(&["man"]));
    let mut mandoc = Command::new("mandoc");
    mandoc.args(["-T", "lint", "-W", "warning"]).arg(page.path("doctor.1"));
    let Ok(output) = mandoc.output() else {
        eprintln!("not tested: mandoc is not here");
        return;
    };
    let warnings = String::from_utf8(output.stdout).unwrap();
    assert!(warnings.lines().all(|line| line.contains("missing date")), "{warnings}");
}
