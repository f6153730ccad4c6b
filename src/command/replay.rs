//! `doctor replay`: judges a support bundle again.

use std::io::Read;
use std::path::Path;

use crate::bundle;
use crate::cli::commands::Replay;
use crate::command::diagnose::conclude;
use crate::command::exit::complain;
use crate::command::output::Output;
use crate::console::streams::Streams;
use crate::gather;
use crate::gather::environment::Environment;
use crate::limits;
use crate::render;
use crate::text::secret::argument;

/// Runs the command. The status is that of the diagnosis, or 2 if the bundle cannot be used.
pub(crate) fn run(arguments: Replay, environment: &Environment, mut streams: Streams) -> u8 {
    let output = Output::new(&arguments.output, environment, streams.terminals())
        .with_bundle(&arguments.bundle);
    if let Some(problem) = output.conflict() {
        return complain(streams.stderr, &problem);
    }
    if is_token(&arguments.file) {
        let problem = "replay: that is a token, not a bundle: `doctor TOKEN` judges it";
        return complain(streams.stderr, problem);
    }
    let text = match read_bundle(&arguments.file, &mut streams) {
        Ok(text) => text,
        Err(problem) => return complain(streams.stderr, &problem),
    };
    // An HTML report contains its bundle.
    let text = render::bundle_of_html(&text).unwrap_or(text);
    match bundle::read(&text) {
        // Bundles are written without secrets, but people can edit them.
        Ok(mut bundle) => {
            gather::scrub(&mut bundle.evidence, &environment.scrubber(&[], &[]));
            conclude(bundle, &output, streams)
        }
        Err(problem) => {
            let place = argument(&arguments.file);
            let is_place = matches!(problem, bundle::ReadError::Malformed { .. });
            let separator = if is_place { "" } else { " " };
            complain(streams.stderr, &format!("replay {place}:{separator}{problem}"))
        }
    }
}

fn read_bundle(path: &Path, streams: &mut Streams) -> Result<String, String> {
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        let mut limited = (&mut streams.stdin).take(limits::BUNDLE + 1);
        limited.read_to_end(&mut bytes).map_err(|error| format!("standard input: {error}"))?;
        if bytes.len() as u64 > limits::BUNDLE {
            return Err(format!(
                "replay -: standard input is longer than {} MB, the most that a bundle has",
                limits::BUNDLE >> 20
            ));
        }
        bytes
    } else {
        gather::read_bundle(path).map_err(|error| error.to_string())?
    };
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to() + 1;
        format!("replay {}: not UTF-8 text (byte {at})", argument(path))
    })
}

/// Whether the argument is a token instead of a file: three parts in base64url, the first a JSON
/// object.
fn is_token(path: &Path) -> bool {
    let Some(text) = path.to_str() else { return false };
    let is_base64url = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '=');
    text.starts_with("eyJ")
        && text.split('.').count() == 3
        && text.chars().all(|c| c == '.' || is_base64url(c))
        && !path.exists()
}
