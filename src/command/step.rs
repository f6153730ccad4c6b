//! `doctor step`: prints a pipeline step that runs the doctor when the login fails. The platforms'
//! files have the texts.

use crate::cli::commands::{Step, StepPlatform};
use crate::gather::environment::Environment;
use crate::platform::StepValues;
use crate::pulumi::urn;
use crate::text;
use crate::text::command::{Shell, power_shell};

/// The placeholder for an organization that was not given.
const PLACEHOLDER: &str = "ORG";

/// The step as YAML, ending with a line break. Without an organization, it contains a placeholder
/// and a note. The error describes the problem with the arguments.
pub(super) fn step(arguments: &Step, environment: &Environment) -> Result<String, String> {
    let StepPlatform(template) = arguments.platform;
    let shell = arguments.shell.shell();
    if !template.shells.contains(&shell) {
        return Err(format!("there is no step for {} in PowerShell", template.argument));
    }
    let named = arguments.oidc_org.as_deref().filter(|name| !name.is_empty());
    let name = named.unwrap_or(PLACEHOLDER);
    // The step will be committed, so it must not contain a secret.
    if environment.scrubber(&[], &[]).scrub(name) != name {
        return Err("--oidc-org holds a secret; it is the organization's name".into());
    }
    let word = match shell {
        Shell::Posix => Some(text::shell(name)),
        // The platforms expand expressions ($(…), ${{…}}) and read commands (##) before PowerShell.
        Shell::PowerShell => power_shell(name).filter(|word| !word.contains(['$', '#'])),
    };
    let Some(word) = word else {
        return Err("--oidc-org has characters that cannot be written safely for PowerShell".into());
    };
    Ok((template.yaml)(&StepValues {
        shell,
        note: match named {
            Some(_) => "",
            None => "# ORG stands for the organization in Pulumi Cloud.\n",
        },
        organization: &word,
        audience: &urn::organization(name),
    }))
}
