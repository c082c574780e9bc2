//! A call with a file, as `multipart/form-data` (RFC 7578). Pure.
//!
//! Built whole, so that the transport can hand it out as one body and still
//! prove whether anything of it was written.

use bytes::{BufMut as _, Bytes, BytesMut};
use serde_json::Value;

use super::Upload;

/// The content type and the body.
pub(super) fn encode(parameters: &Value, file: &Upload) -> (String, Bytes) {
    let boundary = boundary(parameters, file);
    let mut body = BytesMut::with_capacity(file.bytes.len() + 2_048);
    for (name, value) in parameters.as_object().into_iter().flatten() {
        // Everything but texts is JSON, as the Bot API wants it.
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let head =
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.put(head.as_bytes());
        body.put(text.as_bytes());
        body.put(&b"\r\n"[..]);
    }
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"; filename=\"{}\"\r\n\
         Content-Type: {}\r\n\r\n",
        file.field,
        safe(&file.name),
        file.mime
    );
    body.put(head.as_bytes());
    body.put(&file.bytes[..]);
    body.put(format!("\r\n--{boundary}--\r\n").as_bytes());
    let kind = format!("multipart/form-data; boundary={boundary}");
    (kind, body.freeze())
}

/// Nothing in a name may end the header it stands in.
fn safe(name: &str) -> String {
    let bad = |c: char| c.is_control() || matches!(c, '"' | '\\');
    name.replace(bad, "_")
}

/// A line that nothing in the body contains.
fn boundary(parameters: &Value, file: &Upload) -> String {
    let texts = parameters.to_string();
    let held = |line: &str| {
        let mut windows = file.bytes.windows(line.len());
        windows.any(|window| window == line.as_bytes()) || texts.contains(line)
    };
    (0_u32..)
        .map(|number| format!("lastword-{number:08}-part"))
        .find(|line| !held(line))
        .expect("no body contains four billion lines")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_boundary_is_nowhere_in_the_file_and_names_end_no_header() {
        let file = Upload {
            field: "document",
            name: "a\"\r\nX: y.md".to_owned(),
            mime: "text/markdown",
            bytes: Bytes::from_static(b"x\r\n--lastword-00000000-part--\r\ny"),
        };
        let (kind, body) = encode(&json!({"chat_id": 7, "caption": "all"}), &file);
        assert_eq!(kind, "multipart/form-data; boundary=lastword-00000001-part");
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(body.contains("name=\"chat_id\"\r\n\r\n7\r\n"), "{body}");
        assert!(body.contains("filename=\"a___X: y.md\"\r\n"), "{body}");
        assert!(
            body.ends_with("\r\n--lastword-00000001-part--\r\n"),
            "{body}"
        );
    }
}
