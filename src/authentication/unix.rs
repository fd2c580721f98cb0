//! Authenticates the peer of a Unix socket by the ids that the kernel knows of its process.

use super::{Authenticator, Opening, User};
use crate::error::{Error, Result};
use crate::value::Value;
use std::sync::Arc;

impl User {
    /// Returns the ids as credentials: a dict.
    pub fn to_value(&self) -> Value {
        let groups = self.groups.iter().map(|gid| Value::Int((*gid).into())).collect();
        let entries = [
            ("uid", Value::Int(self.uid.into())),
            ("gid", Value::Int(self.gid.into())),
            ("pid", Value::Int(self.pid.into())),
            ("groups", Value::tuple(groups)),
        ];
        Value::Dict(entries.into_iter().map(|(name, value)| (Value::str(name), value)).collect())
    }

    fn is_in(&self, gids: &[u32]) -> bool {
        gids.contains(&self.gid) || self.groups.iter().any(|group| gids.contains(group))
    }
}

/// Makes an authenticator that accepts the users in `uids` and the members of the groups in `gids`.
pub fn authenticator(uids: &[u32], gids: &[u32]) -> Result<Authenticator> {
    if uids.is_empty() && gids.is_empty() {
        return Err(Error::Argument("uids and gids: expected at least one id, got none".into()));
    }
    let (uids, gids) = (uids.to_vec(), gids.to_vec());
    Ok(Arc::new(move |opening: &Arc<dyn Opening>| {
        let user = opening.user().ok_or_else(|| Error::Authentication("the peer is not at a Unix socket".into()))?;
        match uids.contains(&user.uid) || user.is_in(&gids) {
            true => Ok(user.to_value()),
            false => Err(Error::Authentication(format!(
                "neither user {} nor a group of it is allowed (group {}, process {})",
                user.uid, user.gid, user.pid
            ))),
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_count_and_no_id_is_an_error() {
        let user = User { uid: 1000, gid: 100, pid: 7, groups: vec![27, 44] };
        assert!(user.is_in(&[100]) && user.is_in(&[44]) && !user.is_in(&[7, 1000]));
        assert!(matches!(authenticator(&[], &[]).err(), Some(Error::Argument(_))));
        assert_eq!(user.to_value().repr(), "{'uid': 1000, 'gid': 100, 'pid': 7, 'groups': (27, 44)}");
    }
}
