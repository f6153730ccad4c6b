//! A healthy world with a faulty server in front of one of its parts.

use std::sync::Arc;

use serde_json::json;

use super::acts::{Fault, trusted};
use super::matrix::Place;
use super::server::{Act, Front, Healthy};
use crate::support::{
    CAPABILITIES, Doctor, EXCHANGE, Identity, ORGANIZATION, Response, WHOAMI, World, platforms,
};

const ADMIN: &str = "pul-4f0c9a7be1d25836904c7fa1b2e8d35c60f94a17";
const REQUEST_TOKEN: &str = "request-token-9be27d10c5f3486a";

impl Place {
    /// The end of the requested path.
    fn path(self) -> &'static str {
        match self {
            Self::Discovery | Self::DiscoveryAlone => "/.well-known/openid-configuration",
            Self::Keys | Self::KeysAlone => "/keys",
            Self::Capabilities => CAPABILITIES,
            Self::Exchange => EXCHANGE,
            Self::Whoami => WHOAMI,
            Self::Issuers => "/oidc/issuers",
            Self::Policies => "/oidcissuers/issuer-0",
            Self::TokenRequest => "/idtoken",
        }
    }

    /// The most faulty requests of one run. Requests that mint a token are made once, all others
    /// twice; five redirects are followed. Only the backend is asked by HTTP/2.
    pub fn max_requests(self, act: Act) -> usize {
        let is_http2 = matches!(act, Act::Http2(_));
        match self {
            _ if is_http2 && self != Self::Capabilities => 0,
            Self::Exchange | Self::TokenRequest => 1,
            // Every request to the backend may need its own connection.
            Self::Capabilities => 7,
            _ => 6,
        }
    }
}

/// The world and the faulty server in front of it.
pub struct Stage {
    world: World,
    place: Place,
    front: Front,
}

impl Stage {
    pub fn set(place: Place, fault: &Fault) -> Self {
        Self::failing(usize::MAX, place, fault.act, |world| (fault.identity)(&world.authority))
    }

    /// The fault affects only the first request.
    pub fn failing_once(place: Place, act: Act) -> Self {
        Self::failing(1, place, act, |world| trusted(&world.authority))
    }

    fn failing(
        times: usize,
        place: Place,
        act: Act,
        identity: impl FnOnce(&World) -> Identity,
    ) -> Self {
        let mut world = World::with_algorithm(&platforms::GITHUB, "ES256");
        let identity = identity(&world);
        let (served, discovery) = (world.issuer.responses(), world.issuer.discovery_path());
        let document = world.issuer.discovery();
        let token = world.token();
        let healthy: Healthy = match place {
            Place::Discovery | Place::DiscoveryAlone | Place::Keys | Place::KeysAlone => {
                Arc::new(move |request| served.get(request.path()))
            }
            Place::TokenRequest => Arc::new(move |_| Response::json(200, &json!({"value": token}))),
            _ => Arc::new(world.cloud.handler()),
        };
        let front = Front::failing(times, act, place.path(), healthy, identity);
        match place {
            Place::Discovery | Place::DiscoveryAlone => {
                let url = front.url();
                world.shape.claims.insert("iss".to_owned(), json!(url));
                world.cloud.change_registration(|one| {
                    one["issuer"] = json!(url);
                    one["url"] = json!(url);
                });
                let mut document = document;
                document["issuer"] = json!(url);
                world.issuer.answer(&discovery, Response::json(200, &document));
            }
            Place::Keys | Place::KeysAlone => {
                let mut document = document;
                document["jwks_uri"] = json!(format!("{}/keys", front.url()));
                world.issuer.answer(&discovery, Response::json(200, &document));
            }
            _ => {}
        }
        Self { world, place, front }
    }

    /// A run that meets the fault.
    pub fn doctor(&self) -> Doctor {
        let world = &self.world;
        match self.place {
            Place::Discovery | Place::Keys => world.doctor(),
            Place::DiscoveryAlone | Place::KeysAlone => world.doctor().arg("--no-exchange"),
            Place::Capabilities | Place::Exchange | Place::Whoami => {
                world.doctor().option("--cloud-url", self.front.url())
            }
            Place::Issuers | Place::Policies => {
                world.cloud.accept_access_token(ADMIN, "ada", ORGANIZATION);
                world
                    .doctor_without_policy()
                    .option("--cloud-url", self.front.url())
                    .env("DOCTOR_ACCESS_TOKEN", ADMIN)
                    .secret(ADMIN)
            }
            Place::TokenRequest => world
                .doctor_without_token()
                .env("GITHUB_ACTIONS", "true")
                .env("ACTIONS_ID_TOKEN_REQUEST_URL", format!("{}/idtoken", self.front.url()))
                .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", REQUEST_TOKEN)
                .secret(REQUEST_TOKEN),
        }
    }

    /// The number of requests that met the fault.
    pub fn fault_count(&self) -> usize {
        self.front.fault_count()
    }
}
