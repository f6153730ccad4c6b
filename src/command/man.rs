//! `doctor man`: the manual page, in roff.

use std::io;

use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

/// Exit statuses (product contract, section 3).
const STATUSES: &[(&str, &str)] = &[
    ("0", "healthy; warnings are allowed unless --strict"),
    ("1", "unhealthy: something stops the login"),
    ("2", "bad usage, or an input file that cannot be used"),
    ("3", "inconclusive: nothing failed, but what decides the login could not be checked"),
    ("70", "internal error"),
];

/// The variables that a person sets for the doctor. What else is read is the failing login's own.
const VARIABLES: &[(&str, &str)] = &[
    ("DOCTOR_ACCESS_TOKEN", "an access token to read issuers and policies with"),
    ("DOCTOR_POLICY", "the policy document, as --policy"),
    ("PULUMI_ACCESS_TOKEN", "the same where DOCTOR_ACCESS_TOKEN is not set; stops an OIDC login"),
    ("PULUMI_BACKEND_URL", "the backend, as for pulumi"),
    ("PULUMI_OPTION_*", "pulumi's flags; heeded by doctor login and in CI"),
    ("SSL_CERT_FILE, SSL_CERT_DIR", "trust roots instead of this machine's"),
    ("HTTPS_PROXY, NO_PROXY", "the proxy, and the hosts that are asked without it"),
    ("NO_COLOR, CLICOLOR, CLICOLOR_FORCE, TERM", "whether to colour, with --color auto"),
];

/// The page.
pub(crate) fn text() -> String {
    let mut page = Vec::new();
    // Writing into memory does not fail.
    let _ = render(&mut page);
    String::from_utf8_lossy(&page).into_owned()
}

fn render(page: &mut Vec<u8>) -> io::Result<()> {
    let man = Man::new(crate::cli::command());
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    man.render_subcommands_section(page)?;
    let mut roff = Roff::new();
    for (title, rows) in [("EXIT STATUS", STATUSES), ("ENVIRONMENT", VARIABLES)] {
        roff.control("SH", [title]);
        for (name, meaning) in rows {
            roff.control("TP", []);
            roff.text([bold(*name)]);
            roff.text([roman(*meaning)]);
        }
    }
    roff.to_writer(page)?;
    man.render_extra_section(page)?;
    man.render_version_section(page)
}
