//! What stays inside the process: its memory holds people's words, the token and
//! the keys, so no death of it may write them to a disk.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Lets no core file of this process or of its children be written. Under a
/// service manager (`is_service`) nobody but root may look into it either; a
/// daemon that somebody started by hand stays readable for its own user, whose
/// `lastword roll` looks where it writes.
pub fn keep_private(is_service: bool) {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // Lowering never fails; and a failure must not keep anybody from answering.
    let _ = setrlimit(Resource::Core, none);
    if is_service {
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}
