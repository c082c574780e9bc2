//! Reading parameters from whatever a client library sends: the query, JSON,
//! a form, or multipart.

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::header;
use serde_json::{Map, Value};

use super::super::answer::Refusal;
use super::super::files::uploaded;

/// Larger than any answer, as text or as a file.
const BODY_BYTES: usize = 20 << 20;

/// All parameters of a request as one object; the body wins over the query.
pub(super) async fn params(request: Request) -> Result<Value, Refusal> {
    let mut params = Map::new();
    if let Some(query) = request.uri().query() {
        read_form(query, &mut params);
    }
    let kind = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let body = to_bytes(request.into_body(), BODY_BYTES)
        .await
        .map_err(|_| Refusal::new(413, "Request Entity Too Large"))?;
    let essence = kind.split(';').next().unwrap_or_default().trim();
    match essence.to_ascii_lowercase().as_str() {
        _ if body.is_empty() => {}
        "application/json" => match serde_json::from_slice(&body) {
            Ok(Value::Object(fields)) => params.extend(fields),
            _ => return Err(Refusal::bad("can't parse JSON encoded parameters")),
        },
        "multipart/form-data" => read_multipart(&kind, &body, &mut params)
            .ok_or_else(|| Refusal::bad("can't parse multipart parameters"))?,
        "application/x-www-form-urlencoded" => {
            read_form(&String::from_utf8_lossy(&body), &mut params);
        }
        _ => {}
    }
    Ok(Value::Object(params))
}

/// `a=b&c=d`, every value a string.
fn read_form(form: &str, params: &mut Map<String, Value>) {
    for pair in form.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_decoded(&value.replace('+', " "));
        params.insert(percent_decoded(&name.replace('+', " ")), value.into());
    }
}

/// The text with `%41` and the like resolved.
pub(super) fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match byte {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The fields of a multipart body; files with their names.
fn read_multipart(kind: &str, body: &[u8], params: &mut Map<String, Value>) -> Option<()> {
    let (_, boundary) = kind.split_once("boundary=")?;
    let boundary = boundary.split(';').next()?.trim().trim_matches('"');
    let line = format!("--{boundary}");
    let mut rest = body;
    while let Some(at) = find(rest, line.as_bytes()) {
        rest = &rest[at + line.len()..];
        let part = &rest[..find(rest, line.as_bytes()).unwrap_or(rest.len())];
        let Some(at) = find(part, b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&part[..at]);
        let content = &part[at + 4..];
        let content = content.strip_suffix(b"\r\n").unwrap_or(content);
        let field = |key: &str| {
            let (_, value) = head.split_once(&format!("; {key}=\""))?;
            Some(value.split_once('"')?.0.to_owned())
        };
        let value = match field("filename") {
            Some(file) => uploaded(&file, content),
            None => String::from_utf8_lossy(content).into(),
        };
        params.insert(field("name")?, value);
    }
    Some(())
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_and_multipart_give_the_same_parameters() {
        let mut form = Map::new();
        read_form("chat_id=5&text=a%20b+%C3%A4", &mut form);
        let mut multipart = Map::new();
        let body = "--x\r\nContent-Disposition: form-data; name=\"chat_id\"\r\n\r\n5\r\n\
            --x\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\na b ä\r\n--x--\r\n";
        read_multipart(
            "multipart/form-data; boundary=x",
            body.as_bytes(),
            &mut multipart,
        )
        .unwrap();
        assert_eq!(form, multipart);
    }
}
