//! What an HTTP answer of a Bot API server proves.
//!
//! Pure, because loss and doubling are decided here: `Refused` only where the
//! call was certainly not carried out, `Unknown` wherever there is doubt.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::CallError;
use crate::http::{LONGEST_WAIT, shorten};

/// The envelope of every answer, <https://core.telegram.org/bots/api#making-requests>.
#[derive(Deserialize)]
struct Envelope {
    ok: bool,
    result: Option<Value>,
    error_code: Option<u16>,
    #[serde(default)]
    description: String,
    parameters: Option<Parameters>,
}

#[derive(Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
    migrate_to_chat_id: Option<i64>,
}

/// Reads a complete answer.
///
/// A 4xx without Telegram's envelope is some proxy's page. Most of them say
/// nothing about whether the request was passed on before it failed (408, 499,
/// or 400 after a broken upstream), so they are `Unknown`. The three that by
/// their definition mean that it was not: 407 (RFC 9110, 15.5.8), 413
/// (15.5.14), 429 (RFC 6585, 4).
///
/// # Errors
/// See [`CallError`].
pub(super) fn read(
    status: u16,
    retry_after: Option<Duration>,
    body: &[u8],
) -> Result<Value, CallError> {
    let Ok(envelope) = serde_json::from_slice::<Envelope>(body) else {
        return Err(match status {
            407 | 413 | 429 => CallError::Refused {
                code: status,
                description: "refused by a proxy".to_owned(),
                retry_after,
                migrate_to: None,
            },
            _ => unknown(format!("status {status} without an answer of the Bot API")),
        });
    };
    let is_success = (200..300).contains(&status);
    if envelope.ok {
        return match envelope.result {
            Some(result) if is_success => Ok(result),
            _ => Err(unknown(format!(
                "status {status} with an incomplete result"
            ))),
        };
    }
    let code = envelope.error_code.unwrap_or(status);
    let description = shorten(&envelope.description, 300);
    let is_refusal = |number: u16| (400..500).contains(&number);
    // 2xx with `ok: false` is how some proxies pass an error on.
    if !(is_refusal(code) && (is_success || is_refusal(status))) {
        return Err(unknown(format!(
            "status {status}, code {code}: {description}"
        )));
    }
    let parameters = envelope.parameters.as_ref();
    Err(CallError::Refused {
        code,
        description,
        retry_after: parameters
            .and_then(|parameters| parameters.retry_after)
            .map(Duration::from_secs)
            .map(|wait| wait.min(LONGEST_WAIT))
            .or(retry_after),
        migrate_to: parameters.and_then(|parameters| parameters.migrate_to_chat_id),
    })
}

fn unknown(reason: String) -> CallError {
    CallError::Unknown { reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    enum Class {
        Done,
        Refused(u16),
        Unknown,
    }

    #[test]
    fn only_telegrams_own_word_proves_anything() {
        use Class::{Done, Refused, Unknown};
        for (status, body, class) in [
            (200, r#"{"ok":true,"result":true}"#, Done),
            (200, r#"{"ok":true,"result":[],"extra":1}"#, Done),
            (200, r#"{"ok":true}"#, Unknown),
            (200, r#"{"ok":true,"result":tr"#, Unknown),
            (200, "<html>login</html>", Unknown),
            (200, "", Unknown),
            (204, "", Unknown),
            (302, "", Unknown),
            (
                400,
                r#"{"ok":false,"error_code":400,"description":"Bad Request: x"}"#,
                Refused(400),
            ),
            (
                400,
                r#"{"ok":false,"description":"Bad Request: x"}"#,
                Refused(400),
            ),
            (
                200,
                r#"{"ok":false,"error_code":403,"description":"Forbidden"}"#,
                Refused(403),
            ),
            (200, r#"{"ok":false}"#, Unknown),
            (400, r#"{"ok":true,"result":true}"#, Unknown),
            (
                401,
                r#"{"ok":false,"error_code":401,"description":"Unauthorized"}"#,
                Refused(401),
            ),
            (
                404,
                r#"{"ok":false,"error_code":404,"description":"Not Found"}"#,
                Refused(404),
            ),
            (404, "<h1>404 Not Found</h1>", Unknown),
            (400, "bad gateway said 400", Unknown),
            (408, "", Unknown),
            (499, "", Unknown),
            (407, "proxy auth", Refused(407)),
            (413, "<h1>too large</h1>", Refused(413)),
            (429, "slow down", Refused(429)),
            (
                500,
                r#"{"ok":false,"error_code":500,"description":"Internal"}"#,
                Unknown,
            ),
            (
                502,
                r#"{"ok":false,"error_code":400,"description":"odd"}"#,
                Unknown,
            ),
            (
                400,
                r#"{"ok":false,"error_code":500,"description":"odd"}"#,
                Unknown,
            ),
            (502, "<html>bad gateway</html>", Unknown),
            (200, r#"{"error":"other protocol"}"#, Unknown),
        ] {
            let answer = read(status, None, body.as_bytes());
            let fits = match (&answer, &class) {
                (Ok(_), Done) => true,
                (Err(CallError::Refused { code, .. }), Refused(expected)) => code == expected,
                (Err(CallError::Unknown { .. }), Unknown) => true,
                _ => false,
            };
            assert!(fits, "{status} {body}: {answer:?}");
        }
    }

    #[test]
    fn a_truncated_answer_never_proves_anything() {
        let whole = json!({"ok": false, "error_code": 429, "description": "Too Many Requests",
            "parameters": {"retry_after": 3}})
        .to_string();
        for end in 0..whole.len() {
            let answer = read(400, None, &whole.as_bytes()[..end]);
            assert!(matches!(answer, Err(CallError::Unknown { .. })), "{end}");
        }
    }

    #[test]
    fn parameters_are_carried() {
        let body = json!({"ok": false, "error_code": 429, "description": "x", "parameters": {"retry_after": 7}});
        let Err(CallError::Refused { retry_after, .. }) =
            read(429, None, body.to_string().as_bytes())
        else {
            panic!("must be refused");
        };
        assert_eq!(retry_after, Some(Duration::from_secs(7)));
        let body = json!({"ok": false, "error_code": 400, "description": "x",
            "parameters": {"migrate_to_chat_id": -1_001_234_567_890_i64}});
        let Err(CallError::Refused { migrate_to, .. }) =
            read(400, None, body.to_string().as_bytes())
        else {
            panic!("must be refused");
        };
        assert_eq!(migrate_to, Some(-1_001_234_567_890));
    }
}
