//! `triage` stops reading data that unpacks to far more than any log, and says so.

use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::MEMORY;
use crate::support::{Doctor, Run};

const FAILURE: &str =
    "error: problem logging in: organization must be specified for token exchange\n";
const MIB: usize = 1 << 20;

/// A log with a failure, followed by this many MiB of empty lines.
fn gzip(mib: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(FAILURE.as_bytes()).unwrap();
    for _ in 0..mib {
        encoder.write_all(&vec![b'\n'; MIB]).unwrap();
    }
    encoder.finish().unwrap()
}

fn zip(members: &[(&str, &[&[u8]])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated);
    for (name, parts) in members {
        zip.start_file(*name, options).unwrap();
        for part in *parts {
            zip.write_all(part).unwrap();
        }
    }
    zip.finish().unwrap().into_inner()
}

fn triage(name: &str, content: &[u8]) -> Run {
    let run = Doctor::bare().args(["triage", name]).file(name, content).json();
    assert!(run.peak_memory.is_none_or(|peak| peak < MEMORY / 2), "{:?}", run.peak_memory);
    run
}

fn file<'a>(run: &'a Run, name: &str) -> &'a Value {
    let files = run.report["files"].as_array().unwrap();
    files.iter().find(|file| file["name"] == name).unwrap_or_else(|| panic!("{name}: {files:?}"))
}

/// Asserts that reading stopped soon after 64 MiB.
fn assert_stopped(file: &Value) {
    let bytes = file["stoppedAfter"].as_u64().unwrap() as usize;
    assert!((64 * MIB..66 * MIB).contains(&bytes), "{file}");
}

#[test]
fn gzip_bomb_is_read_partly_and_reported() {
    let bomb = gzip(100);
    let run = triage("bomb.gz", &bomb);
    assert_stopped(file(&run, "bomb.gz"));
    assert_eq!((run.status, run.root_cause()), (1, Some("organization-missing")));
    assert!(run.elapsed.as_secs() < 10, "{:?}", run.elapsed);
    for format in ["human", "markdown"] {
        let run = Doctor::bare()
            .args(["triage", "bomb.gz", "--format", format])
            .file("bomb.gz", &bomb)
            .run();
        assert!(run.stdout.contains("organization-missing"), "{}", run.stdout);
        for part in ["bomb.gz", "reading stopped after 64 MiB", "200 times"] {
            assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
        }
    }
    // The same for a pipe, whose length is unknown.
    let run = Doctor::bare().args(["triage", "-"]).stdin(bomb).json();
    assert_stopped(file(&run, "stdin"));
    // Control: 60 MiB are read completely.
    let run = triage("whole.gz", &gzip(60));
    assert_eq!(file(&run, "whole.gz")["stoppedAfter"], Value::Null);
    assert_eq!(file(&run, "whole.gz")["lines"], 60 * MIB + 1);
    assert_eq!(run.root_cause(), Some("organization-missing"));
}

#[test]
fn other_zip_members_are_read() {
    let blank = vec![b'\n'; 100 * MIB];
    let packed = gzip(100);
    let bytes = zip(&[
        ("bomb.txt", &[FAILURE.as_bytes(), &blank]),
        ("packed.gz", &[&packed]),
        ("last.txt", &[FAILURE.as_bytes()]),
    ]);
    let run = triage("logs.zip", &bytes);
    assert_eq!(run.status, 1, "{}", run.stderr);
    assert_stopped(file(&run, "logs.zip/bomb.txt"));
    assert_stopped(file(&run, "logs.zip/packed.gz"));
    assert_eq!(file(&run, "logs.zip/last.txt")["lines"], 1);
    assert_eq!(run.report["findings"][0]["count"], 3);
}

/// The archive's directory declares a size of one byte for the member; no more is unpacked.
#[test]
fn lying_archive_member_is_stopped() {
    let blank = vec![b'\n'; 100 * MIB];
    let mut bytes = zip(&[("bomb.txt", &[FAILURE.as_bytes(), &blank])]);
    // APPNOTE.TXT 4.3.7 and 4.3.12: the uncompressed size in the two headers.
    for (signature, offset) in [(b"PK\x03\x04", 22), (b"PK\x01\x02", 24)] {
        let at = bytes.windows(4).position(|window| window == signature).unwrap();
        bytes[at + offset..at + offset + 4].copy_from_slice(&1_u32.to_le_bytes());
    }
    let run = Doctor::bare().args(["triage", "logs.zip"]).file("logs.zip", &bytes).run();
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("larger than its declared"), "{}", run.stderr);
    assert!(run.elapsed.as_secs() < 5, "{:?}", run.elapsed);
}

#[test]
fn huge_line_takes_little_memory() {
    let line = [FAILURE.trim_end().as_bytes(), &vec![b'x'; 100 * MIB]].concat();
    let run = triage("build.log", &line);
    assert_eq!(file(&run, "build.log")["lines"], 1);
    let login = "$ pulumi login --oidc-org ".to_owned() + &"a ".repeat(4 * MIB);
    let run = triage("build.log", (login + "\n" + FAILURE).as_bytes());
    assert_eq!(run.root_cause(), Some("organization-missing"));
    assert!(run.stdout.len() < 100_000, "{}", run.stdout.len());
}
