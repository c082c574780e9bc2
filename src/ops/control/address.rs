//! Where sockets lie. A socket's name may hold 107 bytes and a store's path may
//! hold more: a long one is gone through the folder's descriptor.

use std::fs::{DirBuilder, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// What `sockaddr_un.sun_path` holds, without the zero behind it (unix(7)).
const LONGEST: usize = 107;

/// A socket's place.
#[derive(Debug)]
pub(super) struct Address {
    path: PathBuf,
    /// Held open while `path` leads through it.
    _folder: Option<File>,
}

impl Address {
    /// The socket of this name in this folder.
    pub(super) fn of(folder: &Path, name: &str) -> io::Result<Self> {
        let path = folder.join(name);
        if path.as_os_str().len() <= LONGEST {
            return Ok(Self {
                path,
                _folder: None,
            });
        }
        let open = File::open(folder)?;
        Ok(Self {
            path: format!("/proc/self/fd/{}/{name}", open.as_raw_fd()).into(),
            _folder: Some(open),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes the folder, for its owner and group.
pub(super) fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o750)
        .create(folder)?;
    // Whatever the umask took away. Somebody else's stays as it is.
    let _ = std::fs::set_permissions(folder, Permissions::from_mode(0o750));
    Ok(())
}

/// The names of the sockets in the folder: ids of instances.
pub(super) fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        if let Some(name) = name.to_str().filter(|name| is_instance(name)) {
            names.push(name.to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn is_instance(name: &str) -> bool {
    name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}
