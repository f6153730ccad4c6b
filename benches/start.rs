//! Measures how long the program takes to start, judge and print: `cargo bench --bench start`.
//!
//! `doctor decode`, an offline diagnosis with a policy, and `jwt decode` (the crate jwt-cli, if it
//! is installed) run in turn, hundreds of times; the medians are printed. `true` shows the time
//! that every process takes. The programs are copied first, as by an installation: a file that the
//! linker wrote is in smaller pieces in the system's cache, and starts more slowly.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod support;

use std::ffi::OsString;
use std::process::Command;

use doctor::loopback::SigningKey;
use support::{doctor, is_listing, median, print_machine, row, time};

const ROUNDS: usize = 400;

const SUBJECT: &str = "repo:acme/web-shop:ref:refs/heads/main";

const POLICY: &str = "organization: acme
issuers:
  - url: https://token.actions.githubusercontent.com
    policies:
      - decision: allow
        tokenType: organization
        rules:
          aud: urn:pulumi:org:acme
          sub: repo:acme/web-shop:*
";

fn main() {
    if is_listing() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    std::fs::write(here.join("policy.yaml"), POLICY).unwrap();
    let token = support::token(&SigningKey::generate("RS256").unwrap(), SUBJECT);
    let offline = ["--offline", "--policy", "policy.yaml", "--oidc-org", "acme", &token];
    let program = |program: OsString, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).env_clear().current_dir(here);
        command
    };
    let installed = |name: &str, from: OsString| -> OsString {
        let copy = here.join(name);
        // If there is no file to copy, PATH may have the program.
        std::fs::copy(from, &copy).map_or_else(|_| name.into(), |_| copy.into())
    };
    let doctor = installed("doctor", doctor());
    let jwt = installed("jwt", std::env::var_os("JWT").unwrap_or_default());
    let mut commands = [
        program(jwt, &["decode", &token]),
        program(doctor.clone(), &["decode", &token]),
        program(doctor.clone(), &offline),
        program("true".into(), &[]),
    ];
    let mut times = commands.each_ref().map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (command, times) in commands.iter_mut().zip(&mut times) {
            times.extend(time(command));
        }
    }
    print_machine();
    let size = std::fs::metadata(&doctor).unwrap().len() as f64 / f64::from(1 << 20);
    row("size of the program, without the demo", &format!("{size:.2} MiB"), size / 6.0, "6 MiB");
    let [jwt, others @ ..] = times;
    let jwt = (!jwt.is_empty()).then(|| median(jwt));
    for (name, times) in
        ["`doctor decode`", "`doctor --offline --policy`", "`true`"].iter().zip(others)
    {
        let took = median(times).as_secs_f64() * 1e3;
        match jwt {
            Some(jwt) => {
                let ratio = took / (jwt.as_secs_f64() * 1e3);
                row(name, &format!("{took:.1} ms"), ratio, "`jwt decode`");
            }
            None => println!("{name}: {took:.1} ms; jwt-cli is not installed"),
        }
    }
}
