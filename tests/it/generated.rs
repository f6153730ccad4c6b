//! What in docs/ follows from the program is what the program writes.

use std::fs;
use std::path::Path;

use crate::support::Doctor;

#[test]
fn the_documents_are_the_program_s() {
    for (name, path) in [("codes", "docs/codes.md"), ("schema", "docs/report.schema.json")] {
        let run = Doctor::bare().args(["generate", name]).run();
        assert_eq!((run.status, run.stderr.as_str()), (0, ""));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let written = fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
        assert!(
            written == run.stdout,
            "`cargo run -- generate {name} > {}` brings it up to date",
            path.display()
        );
    }
}

#[test]
fn the_command_is_not_for_users() {
    let help = Doctor::bare().arg("--help").run().stdout;
    assert!(!help.contains("generate"), "{help}");
}

/// The anchors are those that GitHub, GitLab and Azure DevOps give a heading: its text.
#[test]
fn links_between_codes_lead_somewhere() {
    let page = Doctor::bare().args(["generate", "codes"]).run().stdout;
    let headings: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let mut links = 0;
    for rest in page.split("](#").skip(1) {
        let (target, _) = rest.split_once(')').unwrap();
        assert!(headings.contains(&target), "{target}");
        links += 1;
    }
    assert!(links > headings.len(), "{links} links");
}
