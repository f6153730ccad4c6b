//! A request with its deadline and its attempts.

use std::cell::Cell;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, Response};
use tokio::time::Instant;
use url::{Url, form_urlencoded};

use super::failure::Cause;
use super::retry;
use crate::evidence::FailureKind;
use crate::text::secret::Scrubber;

/// A request, and how often it has been sent.
pub(crate) struct PendingRequest<'a> {
    pub(crate) message: Message<'a>,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) scrubber: &'a Scrubber,
    pub(crate) deadline: Instant,
    pub(crate) attempts: Cell<u32>,
}

/// The method and the body of a request.
pub(crate) enum Message<'a> {
    /// A GET that follows redirects on the host.
    Get,
    /// A request without a body that is never repeated.
    Once(Method),
    /// A POST of a form.
    Form(&'a [(&'a str, &'a str)]),
}

impl<'a> PendingRequest<'a> {
    pub(crate) fn new(
        message: Message<'a>,
        headers: &'a [(&'a str, &'a str)],
        scrubber: &'a Scrubber,
        deadline: Instant,
    ) -> Self {
        Self { message, headers, scrubber, deadline, attempts: Cell::new(1) }
    }

    pub(crate) fn builder(&self, client: &reqwest::Client, url: &Url) -> RequestBuilder {
        let url = url.clone();
        match &self.message {
            Message::Get => client.get(url),
            Message::Once(method) => client.request(method.clone(), url),
            Message::Form(form) => client
                .post(url)
                .body(form_urlencoded::Serializer::new(String::new()).extend_pairs(*form).finish()),
        }
    }

    /// How long to wait before the retry. `None`: no retry.
    pub(crate) fn retry_pause(
        &self,
        outcome: Result<&Response, &reqwest::Error>,
    ) -> Option<Duration> {
        let again = matches!(self.message, Message::Get) && self.attempts.get() < retry::ATTEMPTS;
        if again { retry::pause(outcome, self.deadline) } else { None }
    }

    /// The headers, marked as sensitive so that nothing logs or compresses them.
    pub(crate) fn header_map(&self) -> Result<HeaderMap, Cause> {
        let mut map = HeaderMap::new();
        if let Message::Form(_) = self.message {
            map.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        }
        for (name, value) in self.headers {
            let (Ok(name), Ok(mut value)) =
                (name.parse::<HeaderName>(), value.parse::<HeaderValue>())
            else {
                // The value may be a secret, so it is not repeated.
                let detail = format!("the value for the header {name} cannot be sent");
                return Err((FailureKind::Protocol, detail));
            };
            value.set_sensitive(true);
            map.insert(name, value);
        }
        Ok(map)
    }
}
