//! The places where a platform's jobs find their token.

/// A place where a job may find its token.
#[derive(Clone, Copy)]
pub(crate) enum TokenSource {
    /// An environment variable, and how to make the platform set it.
    Variable(&'static str, &'static str),
    /// The variables with this prefix, and how to make the platform set them.
    Variables(&'static str, &'static str),
    /// Any variable with a token of the issuer that this variable names.
    AnyOfIssuer(&'static str),
    File(&'static str),
    Http(&'static Http),
    Program(&'static Program),
}

/// An HTTP request for a token. The answer is a JSON object.
pub(crate) struct Http {
    /// The variable that holds the URL.
    pub(crate) url: &'static str,
    /// The variable that holds the job's credential.
    pub(crate) credential: &'static str,
    /// The pipeline has to map that variable. An unknown macro in the mapping stays unexpanded.
    pub(crate) is_mapped: bool,
    /// The scheme in the header `Authorization`, as the platform's own client spells it.
    pub(crate) scheme: &'static str,
    pub(crate) is_post: bool,
    pub(crate) headers: &'static [(&'static str, &'static str)],
    pub(crate) query: &'static [(&'static str, Parameter)],
    /// The member of the answer that holds the token.
    pub(crate) member: &'static str,
}

/// A value in a request's query.
pub(crate) enum Parameter {
    Fixed(&'static str),
    /// The audience from Pulumi Cloud's documentation.
    Audience,
    /// The first id among these variables, and what it identifies.
    Id(&'static [&'static str], &'static str),
}

/// A program of the platform that prints a token.
pub(crate) struct Program {
    /// The variable that shows that the program exists.
    pub(crate) marker: &'static str,
    pub(crate) name: &'static str,
    /// The arguments before the audience.
    pub(crate) arguments: &'static [&'static str],
    /// The variables that it gets, besides those for proxies and trust roots.
    pub(crate) variables: &'static [&'static str],
}
