//! A client's first connection, which is one for all that begins at the same time.
//!
//! Requests that begin together find no connection yet, and each would make one; where the server
//! speaks HTTP/2, all but one of them in vain. So the first request goes ahead, and the others wait
//! until its connection is there. Then they share it, or make their own if it speaks HTTP/1.1: that
//! is the pool's decision. Nobody waits longer than the connection takes, and so HTTP/2 loses
//! nothing by it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::watch;
use tower_layer::Layer;
use tower_service::Service;

/// How far the first connection of a client is. As a layer around the connector it sees it come.
#[derive(Clone)]
pub(crate) struct Opening(Arc<watch::Sender<Stage>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing was asked yet.
    Closed,
    /// The first request is on its way.
    Opening,
    /// There was a connection, or there could be none; whoever comes is on its own.
    Over,
    /// None came about in the time for it.
    TooLate,
}

/// The connection that was waited for took longer than one may take.
pub(crate) struct TooLate;

impl Opening {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Stage::Closed)))
    }

    /// Waits until it is a request's turn: at once for the first one, whose turn has to last until
    /// it was sent.
    pub(crate) async fn turn(&self) -> Result<Turn, TooLate> {
        if self.advance(Stage::Closed, Stage::Opening) {
            return Ok(Turn(Some(self.clone())));
        }
        let mut stage = self.0.subscribe();
        if *stage.borrow() == Stage::Opening
            && stage.wait_for(|stage| *stage != Stage::Opening).await.is_ok_and(is_too_late)
        {
            return Err(TooLate);
        }
        Ok(Turn(None))
    }

    fn advance(&self, from: Stage, to: Stage) -> bool {
        self.0.send_if_modified(|stage| {
            let is_there = *stage == from;
            if is_there {
                *stage = to;
            }
            is_there
        })
    }
}

fn is_too_late(stage: watch::Ref<'_, Stage>) -> bool {
    *stage == Stage::TooLate
}

/// A request's turn. Dropped before its end, the time of the request was up.
pub(crate) struct Turn(Option<Opening>);

impl Turn {
    /// The request was sent, or could not be.
    pub(crate) fn end(mut self, is_timeout: bool) {
        self.settle(if is_timeout { Stage::TooLate } else { Stage::Over });
    }

    fn settle(&mut self, to: Stage) {
        if let Some(opening) = self.0.take() {
            opening.advance(Stage::Opening, to);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.settle(Stage::TooLate);
    }
}

impl<S> Layer<S> for Opening {
    type Service = Connector<S>;

    fn layer(&self, inner: S) -> Connector<S> {
        Connector { inner, opening: self.clone() }
    }
}

/// A connector that tells when the first connection is there, with its TLS.
#[derive(Clone)]
pub(crate) struct Connector<S> {
    inner: S,
    opening: Opening,
}

impl<S, R> Service<R> for Connector<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let connecting = self.inner.call(request);
        let opening = self.opening.clone();
        Box::pin(async move {
            let connected = connecting.await;
            if connected.is_ok() {
                opening.advance(Stage::Opening, Stage::Over);
            }
            connected
        })
    }
}
