//! The model: whether its endpoint takes our key and knows its name, by calls
//! that cost nothing.

use std::time::Duration;

use reqwest::{Client, Url};
use serde_json::Value;

use super::Finding;
use crate::config::Config;
use crate::http;
use crate::llm::request::Dialect;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// A list of models is some hundred kilobytes.
const LONGEST: usize = 16 << 20;

/// Credits below this are told.
const FEW_CREDITS: f64 = 1.0;

/// What an endpoint answered.
struct Answer {
    status: u16,
    body: Value,
}

pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let base = config.llm.base_url.as_str();
    let client = match Url::parse(base).map(|url| http::builder(&url).timeout(PATIENCE).build()) {
        Ok(Ok(client)) => client,
        Ok(Err(error)) => return vec![away(&http::reason(error))],
        Err(error) => return vec![away(&error.to_string())],
    };
    let mut findings = Vec::new();
    if Dialect::of(base) == Dialect::OpenRouter {
        let key = match ask(&client, config, "key").await {
            Ok(answer) => of_key(&answer),
            Err(reason) => return vec![away(&reason)],
        };
        findings.push(key);
    }
    match ask(&client, config, "models").await {
        Ok(answer) => {
            let wanted = [&config.llm.model]
                .into_iter()
                .chain(&config.llm.fallback_models);
            let wanted: Vec<&str> = wanted.map(|model| model.as_str()).collect();
            findings.extend(of_models(&answer, &wanted));
        }
        Err(reason) => findings.push(away(&reason)),
    }
    findings
}

fn away(reason: &str) -> Finding {
    Finding::bad(
        "model",
        format!("its endpoint was not reached: {reason}"),
        "look at llm.base_url, DNS, the firewall; meanwhile messages are kept and wait",
    )
}

async fn ask(client: &Client, config: &Config, path: &str) -> Result<Answer, String> {
    let base = config.llm.base_url.as_str().trim_end_matches('/');
    let mut request = client.get(format!("{base}/{path}"));
    if let Some(key) = &config.llm.api_key {
        request = request.bearer_auth(key.expose());
    }
    let response = request.send().await.map_err(http::reason)?;
    let status = response.status().as_u16();
    let body = match http::read_body(response, LONGEST).await {
        Ok(body) => serde_json::from_slice(&body).unwrap_or_default(),
        Err(_) => Value::Null,
    };
    Ok(Answer { status, body })
}

/// `GET /key`. Source: openrouter.ai/docs/api-reference/limits.
fn of_key(answer: &Answer) -> Finding {
    let what = "key";
    match answer.status {
        200 => {}
        401 | 403 => return refused(what, answer.status),
        status => {
            return Finding::warn(
                what,
                format!("could not be looked at: HTTP {status}"),
                "try again; a completion tells more",
            );
        }
    }
    let data = &answer.body["data"];
    match data["limit_remaining"].as_f64() {
        Some(left) if left <= 0.0 => Finding::bad(
            what,
            "its limit is used up",
            "raise it at openrouter.ai/settings/keys, or add credits; messages wait 24 h",
        ),
        Some(left) if left < FEW_CREDITS => Finding::warn(
            what,
            format!("{left:.2} credits are left of its limit"),
            "raise it at openrouter.ai/settings/keys",
        ),
        Some(left) => Finding::ok(what, format!("taken; {left:.2} credits are left")),
        None => Finding::ok(what, "taken; no limit of its own"),
    }
}

fn refused(what: &'static str, status: u16) -> Finding {
    Finding::bad(
        what,
        format!("the endpoint refuses the key (HTTP {status})"),
        "check OPENROUTER_API_KEY, llm.api_key_file or the credential openrouter_api_key \
         (lastword check says which is in force)",
    )
}

fn of_models(answer: &Answer, wanted: &[&str]) -> Vec<Finding> {
    let what = "model";
    match answer.status {
        200 => {}
        401 | 403 => return vec![refused(what, answer.status)],
        status => {
            return vec![Finding::warn(
                what,
                format!(
                    "the endpoint lists no models (HTTP {status}), so its name was not checked"
                ),
                "nothing, if it is right",
            )];
        }
    }
    let listed = answer.body["data"].as_array();
    let known = |name: &str| {
        listed.is_some_and(|listed| {
            // A variant such as `:free` or `:nitro` is a way of asking.
            let plain = name.split(':').next().unwrap_or(name);
            let is = |id: &str| id == name || id == plain;
            listed
                .iter()
                .any(|model| model["id"].as_str().is_some_and(is))
        })
    };
    let judge = |name: &&str| match known(name) {
        true => Finding::ok(what, format!("{name} is there")),
        false => Finding::bad(
            what,
            format!("the endpoint does not list {name}"),
            "correct llm.model or llm.fallback_models",
        ),
    };
    match listed {
        Some(listed) if !listed.is_empty() => wanted.iter().map(judge).collect(),
        _ => vec![Finding::ok(
            what,
            "the endpoint answers; it lists no models",
        )],
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;
    use serde_json::json;

    fn answer(status: u16, body: Value) -> Answer {
        Answer { status, body }
    }

    #[test]
    fn a_key_is_judged_by_whether_it_is_taken_and_what_is_left() {
        for (status, body, verdict) in [
            (200, json!({"data": {"limit_remaining": 12.5}}), Verdict::Ok),
            (200, json!({"data": {"limit_remaining": null}}), Verdict::Ok),
            (
                200,
                json!({"data": {"limit_remaining": 0.3}}),
                Verdict::Warn,
            ),
            (200, json!({"data": {"limit_remaining": 0}}), Verdict::Bad),
            (401, Value::Null, Verdict::Bad),
            (502, Value::Null, Verdict::Warn),
        ] {
            assert_eq!(of_key(&answer(status, body)).verdict, verdict, "{status}");
        }
    }

    #[test]
    fn a_model_that_is_not_listed_is_named() {
        let models = answer(
            200,
            json!({"data": [{"id": "a/one"}, {"id": "b/two:free"}]}),
        );
        let found = of_models(&models, &["a/one:nitro", "b/two:free", "c/none"]);
        let verdicts: Vec<Verdict> = found.iter().map(|finding| finding.verdict).collect();
        assert_eq!(verdicts, [Verdict::Ok, Verdict::Ok, Verdict::Bad]);
        assert!(found[2].says.contains("c/none"));
        let silent = of_models(&answer(404, Value::Null), &["a"]);
        assert_eq!(silent[0].verdict, Verdict::Warn);
        let shut = of_models(&answer(401, Value::Null), &["a"]);
        assert_eq!(shut[0].verdict, Verdict::Bad);
    }
}
