//! Where a platform's jobs find their token.

/// Where a token may be.
#[derive(Clone, Copy)]
pub(crate) enum TokenSource {
    /// An environment variable, and what has to be done for the platform to set it.
    Variable(&'static str, &'static str),
    /// The variables whose names begin like this.
    Variables(&'static str, &'static str),
    /// Any variable that holds a token of the issuer which another variable names.
    AnyOfIssuer(&'static str),
    File(&'static str),
    Http(&'static Http),
    Program(&'static Program),
}

/// A request over HTTP that is answered with a JSON object.
pub(crate) struct Http {
    /// The variable that holds the URL.
    pub(crate) url: &'static str,
    /// The variable that holds the job's credential.
    pub(crate) credential: &'static str,
    /// The pipeline has to map that variable. A platform leaves a macro as it is where it knows no
    /// such variable.
    pub(crate) is_mapped: bool,
    /// The scheme of the header `Authorization`, as the platform's own client writes it.
    pub(crate) scheme: &'static str,
    pub(crate) is_post: bool,
    pub(crate) headers: &'static [(&'static str, &'static str)],
    pub(crate) query: &'static [(&'static str, Parameter)],
    /// The member of the answer that is the token.
    pub(crate) member: &'static str,
}

/// A value in a request's query.
pub(crate) enum Parameter {
    Fixed(&'static str),
    /// The audience that the documentation of Pulumi Cloud gives.
    Audience,
    /// The first of these variables that holds an id, and what the id identifies.
    Id(&'static [&'static str], &'static str),
}

/// A program of the platform that prints a token.
pub(crate) struct Program {
    /// The variable without which there is no such program.
    pub(crate) marker: &'static str,
    pub(crate) name: &'static str,
    /// The audience follows.
    pub(crate) arguments: &'static [&'static str],
    /// The variables that it gets, beside those of the proxy and the trust roots.
    pub(crate) variables: &'static [&'static str],
}
