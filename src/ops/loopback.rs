//! What listens for this machine only answers only who means this machine: a
//! foreign name that was made to lead here (DNS rebinding) lets a page of another
//! site read nothing.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Refuses whatever was asked for by another host's name.
pub(super) async fn guard(request: Request, next: Next) -> Response {
    match is_named(request.headers()) {
        true => next.run(request).await,
        false => refusal(),
    }
}

/// The answer to whoever meant somebody else.
pub(super) fn refusal() -> Response {
    let why = "This is for this machine only: open it as 127.0.0.1 or localhost, or let a proxy \
               pass that name on.";
    (StatusCode::MISDIRECTED_REQUEST, why).into_response()
}

/// Whether the request is for this machine by a name that no other site can
/// have.
pub(super) fn is_named(headers: &HeaderMap) -> bool {
    let Some(host) = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
    else {
        return false;
    };
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, _)) => name,
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    let address: Option<IpAddr> = name.parse().ok();
    name.eq_ignore_ascii_case("localhost") || address.is_some_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_names_that_nobody_else_can_have_lead_to_a_loopback_console() {
        for (host, fine) in [
            ("127.0.0.1:9464", true),
            ("127.1.2.3", true),
            ("localhost:1", true),
            ("[::1]:9464", true),
            ("evil.example:9464", false),
            ("127.0.0.1.evil.example", false),
            ("localhost.evil.example:9464", false),
            ("10.0.0.1", false),
            ("", false),
        ] {
            let mut named = HeaderMap::new();
            named.insert(header::HOST, HeaderValue::from_static(host));
            assert_eq!(is_named(&named), fine, "{host}");
        }
        assert!(!is_named(&HeaderMap::new()));
    }
}
