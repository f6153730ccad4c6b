//! docs/report.schema.json is what the program writes.

use std::fs;
use std::path::Path;

use crate::support::Doctor;

#[test]
fn schema_is_up_to_date() {
    let run = Doctor::bare().args(["generate", "schema"]).run();
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/report.schema.json");
    let written = fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert!(
        written == run.stdout,
        "`cargo run -- generate schema > {}` brings it up to date",
        path.display()
    );
}

#[test]
fn the_command_is_not_for_users() {
    let help = Doctor::bare().arg("--help").run().stdout;
    assert!(!help.contains("generate"), "{help}");
}
