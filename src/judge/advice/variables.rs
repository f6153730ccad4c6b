//! Advice for unexpanded variable references.

use crate::platform::Id;
use crate::report::Finding;

/// Adds the syntax of a variable in the platform's YAML and in scripts.
pub(crate) fn add_variable_syntax(finding: Finding, name: &str, platform: Option<Id>) -> Finding {
    if name.contains(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
        // Not a valid name of a shell variable.
        return finding
            .step(format!("Check that {name} has a value where the step that logs in runs."));
    }
    let name = identifier(name);
    let azure = format!("$({name}) in Azure Pipelines");
    let github = format!("${{{{ env.{name} }}}} in GitHub Actions");
    let written = match platform {
        Some(Id::AzurePipelines) => Some(azure),
        Some(Id::GitHubActions) => Some(github),
        Some(_) => None,
        None => Some(format!("{azure} and {github}")),
    };
    let finding = match written {
        Some(written) => finding.step(format!("In YAML, outside scripts, it is {written}.")),
        None => finding,
    };
    let finding = finding.step(format!(
        "Check that {name} is set in this step, or in an earlier one of the same job."
    ));
    add_script_syntax(finding, &name, "In a script, write:")
}

pub(crate) fn add_script_syntax(finding: Finding, name: &str, step: &str) -> Finding {
    finding
        .announce(step)
        .command(format!("\"${name}\"            # bash, sh"))
        .command(format!("\"$env:{name}\"        # PowerShell"))
        .command(format!("\"%{name}%\"           # cmd.exe"))
}

/// Drops characters that are invalid in a variable's name, so that it is safe in a snippet.
pub(crate) fn identifier(name: &str) -> String {
    let name: String =
        name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(64).collect();
    if name.is_empty() { "TOKEN".to_owned() } else { name }
}
