//! Files that people sent: `getFile` and what its path leads to.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::answer::{Answer, Refusal};
use super::params::Params;
use super::world::World;

/// Larger files cannot be downloaded by bots.
const DOWNLOAD_BYTES: usize = 20 << 20;

#[derive(Debug)]
struct File {
    path: String,
    bytes: Bytes,
}

/// A file in the parameters of a call: its name and, as base64, what it holds.
pub(super) fn uploaded(name: &str, bytes: &[u8]) -> Value {
    json!({ "file_name": name, "base64": STANDARD.encode(bytes) })
}

/// The file that a call brings under this name.
pub(super) fn upload(params: Params<'_>, field: &str) -> Result<(String, Bytes), Refusal> {
    let missing = || Refusal::bad(&format!("there is no {field} in the request"));
    let file = params.object(field, field).ok().flatten();
    let file = file.ok_or_else(missing)?;
    let text = |name: &str| file.get(name).and_then(Value::as_str);
    let bytes = text("base64").and_then(|text| STANDARD.decode(text).ok());
    let bytes = bytes.ok_or_else(missing)?;
    if bytes.is_empty() {
        return Err(Refusal::bad("file must be non-empty"));
    }
    let name = text("file_name").unwrap_or("file").to_owned();
    Ok((name, bytes.into()))
}

/// All files, by `file_id`.
#[derive(Debug, Default)]
pub(super) struct Files(BTreeMap<String, File>);

impl Files {
    /// Every file with its content as base64, to be kept.
    pub(super) fn save(&self) -> Vec<(String, String, String)> {
        let saved = |(id, file): (&String, &File)| {
            let content = STANDARD.encode(&file.bytes);
            (id.clone(), file.path.clone(), content)
        };
        self.0.iter().map(saved).collect()
    }

    /// What was saved; a file whose content is damaged is left out.
    pub(super) fn restore(saved: Vec<(String, String, String)>) -> Self {
        let restored = |(id, path, content): (String, String, String)| {
            let bytes = STANDARD.decode(content).ok()?.into();
            Some((id, File { path, bytes }))
        };
        Self(saved.into_iter().filter_map(restored).collect())
    }

    /// What a `file_id` stands for.
    pub(super) fn by_id(&self, id: &str) -> Option<Bytes> {
        self.0.get(id).map(|file| file.bytes.clone())
    }

    pub(super) fn by_path(&self, path: &str) -> Option<Bytes> {
        self.0
            .values()
            .find(|file| file.path == path && file.bytes.len() <= DOWNLOAD_BYTES)
            .map(|file| file.bytes.clone())
    }
}

impl World {
    /// Stores a file and returns `file_id`, `file_unique_id` and `file_size`.
    pub(super) fn store_file(&mut self, folder: &str, ending: &str, bytes: Bytes) -> Value {
        let number = self.fresh();
        let id = format!("AgACAgQAAx{number:06}-{}", self.random.next() % 1_000_000);
        let size = bytes.len();
        let path = format!("{folder}/file_{number}.{ending}");
        self.files.0.insert(id.clone(), File { path, bytes });
        json!({
            "file_id": id,
            "file_unique_id": format!("AQAD{number:06}"),
            "file_size": size,
        })
    }

    /// Whether there is something to download at a path.
    pub(super) fn download(&self, params: Params<'_>) -> Answer {
        let path = params.text("file_path").unwrap_or_default();
        match self.files.by_path(&path) {
            Some(_) => Ok(Value::Bool(true)),
            None => Err(Refusal::unknown_method()),
        }
    }

    pub(super) fn get_file(&self, params: Params<'_>) -> Answer {
        let id = params
            .text("file_id")
            .filter(|id| !id.is_empty())
            .ok_or_else(|| Refusal::bad("file_id not specified"))?;
        let file =
            self.files.0.get(&id).ok_or_else(|| {
                Refusal::bad("wrong file_id or the file is temporarily unavailable")
            })?;
        if file.bytes.len() > DOWNLOAD_BYTES {
            return Err(Refusal::bad("file is too big"));
        }
        let number = file.path.rsplit('_').next().unwrap_or_default();
        Ok(json!({
            "file_id": id,
            "file_unique_id": format!("AQAD{:0>6}", number.split('.').next().unwrap_or_default()),
            "file_size": file.bytes.len(),
            "file_path": file.path,
        }))
    }
}
