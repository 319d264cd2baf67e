//! What a change makes of an interaction's properties.

use confer_core::frame::KvList;

/// The properties with these set: whatever had a key of the change makes room for it, at the end.
pub(crate) fn changed(properties: &KvList, change: &KvList) -> KvList {
    let mut new = properties.clone();
    new.retain(|entry| change.value(&entry.key).is_none());
    for entry in change {
        new.push(&entry.key, entry.value.clone());
    }
    new
}
