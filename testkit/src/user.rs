//! Who we are, and an unprivileged user to become: PostgreSQL and its `initdb` refuse to run as root.

use std::{fs, os::unix::fs::MetadataExt};

/// A user and its primary group, as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User {
    pub uid: u32,
    pub gid: u32,
}

/// Whether this process runs as root. Where there is no `/proc` the answer is no, and PostgreSQL itself objects.
pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// The user to run a server as when we are root (`postgres`, else `nobody`); `None` when we may run it ourselves.
pub fn unprivileged() -> Option<User> {
    if !is_root() {
        return None;
    }
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    ["postgres", "nobody"].iter().find_map(|name| find_in_passwd(&passwd, name))
}

/// Finds a user in the text of `/etc/passwd` (`name:password:uid:gid:…`).
fn find_in_passwd(passwd: &str, name: &str) -> Option<User> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut numbers = line.split(':').skip(2).map(str::parse);
    Some(User { uid: numbers.next()?.ok()?, gid: numbers.next()?.ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let passwd =
            "root:x:0:0:root:/root:/bin/sh\nnobodyelse:x:7:8::/:/bin/false\nnobody:x:65534:65533::/:/bin/false\n";
        assert_eq!(find_in_passwd(passwd, "nobody"), Some(User { uid: 65534, gid: 65533 }));
        assert_eq!(find_in_passwd(passwd, "postgres"), None);
    }
}
