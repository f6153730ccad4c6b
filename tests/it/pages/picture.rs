//! The picture in the README is what `doctor demo` prints. `UPDATE=1 cargo test --test it picture` draws it
//! from the output of the program.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use crate::support::Doctor;

/// The size of a character, and the space around the text, in pixels.
const COLUMN: f32 = 8.4;
const LINE: usize = 19;
const AROUND: usize = 16;
const WIDTH: &str = "88";

/// What differs from run to run, made the same.
fn steady(output: &str) -> String {
    let mut steady = output.to_owned();
    for (start, instead) in [("127.0.0.1:", "127.0.0.1:8443"), ("/doctor-demo-", "/doctor-demo")] {
        let mut made = String::new();
        for (index, part) in steady.split(start).enumerate() {
            let rest = part.trim_start_matches(|c: char| match start {
                "127.0.0.1:" => c.is_ascii_digit(),
                _ => c.is_ascii_alphanumeric(),
            });
            made += if index == 0 { part } else { instead };
            made += if index == 0 { "" } else { rest };
        }
        steady = made;
    }
    steady
}

/// A line with its colours (ECMA-48, SGR) as SVG: `1;31` becomes the classes b and r.
fn line(text: &str) -> String {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut pieces = text.split('\u{1b}');
    let mut svg = escape(pieces.next().unwrap());
    for piece in pieces {
        let (codes, shown) = piece.strip_prefix('[').unwrap().split_once('m').unwrap();
        let class = |code: &str| match code {
            "1" => Some("b"),
            "2" => Some("d"),
            "31" => Some("r"),
            "32" => Some("g"),
            "33" => Some("y"),
            "0" => None,
            other => panic!("colour {other}"),
        };
        let classes: Vec<&str> = codes.split(';').filter_map(class).collect();
        match classes.is_empty() {
            true => svg += &escape(shown),
            false => {
                let _ =
                    write!(svg, "<tspan class=\"{}\">{}</tspan>", classes.join(" "), escape(shown));
            }
        }
    }
    svg
}

fn picture(output: &str) -> String {
    let lines: Vec<&str> = ["$ doctor demo", ""].into_iter().chain(output.lines()).collect();
    let height = 2 * AROUND + lines.len() * LINE;
    let width = 2.0 * AROUND as f32 + WIDTH.parse::<f32>().unwrap() * COLUMN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"0 0 {width:.0} {height}\">\n\
         <title>The output of doctor demo</title>\n\
         <style>text{{font:14px ui-monospace,Menlo,Consolas,monospace;fill:#d8d8d8;white-space:pre}}\
         .b{{font-weight:bold}}.d{{fill:#9a9a9a}}.r{{fill:#ff8a80}}.g{{fill:#6fd08c}}.y{{fill:#e5b95c}}</style>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#161616\"/>\n"
    );
    for (index, text) in lines.iter().enumerate() {
        let y = AROUND + (index + 1) * LINE - 5;
        let _ = writeln!(svg, "<text x=\"{AROUND}\" y=\"{y}\">{}</text>", line(text));
    }
    svg + "</svg>\n"
}

#[test]
fn picture_is_what_demo_prints() {
    let run = Doctor::bare()
        .args(["demo", "--color", "always"])
        .env("COLUMNS", WIDTH)
        .env("LANG", "C.UTF-8")
        .run();
    assert_eq!(run.status, 1, "{}", run.stderr);
    let drawn = picture(&steady(&run.stdout));
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/demo.svg");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, &drawn).unwrap();
    }
    let kept = fs::read_to_string(&file).unwrap_or_default().replace("\r\n", "\n");
    assert_eq!(kept, drawn, "UPDATE=1 cargo test --test it picture draws it anew");
}
