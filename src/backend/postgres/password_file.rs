//! The password file, see <https://www.postgresql.org/docs/current/libpq-pgpass.html>.

use std::fs;
use std::path::Path;

/// The password of the first line that fits host, port, database and user. `None` too if others may read the file.
pub fn password(path: &Path, wanted: [&str; 4]) -> Option<String> {
    let lines = fs::read_to_string(path).ok()?;
    if others_may_read(path) {
        log::warn!("{path:?} is not read: others may read it; its mode must be 0600");
        return None;
    }
    lines.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let fields = fields(line);
        let fits = |(field, wanted): (&String, &&str)| field == "*" || field == wanted;
        (fields.len() == 5 && fields.iter().zip(&wanted).all(fits)).then(|| fields[4].clone())
    })
}

#[cfg(unix)]
fn others_may_read(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn others_may_read(_: &Path) -> bool {
    false
}

/// The fields of a line, which colons separate. A backslash takes a colon or a backslash as it is.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut characters) = (vec![String::new()], line.chars());
    while let Some(character) = characters.next() {
        let next = match character {
            ':' if fields.len() < 5 => {
                fields.push(String::new());
                continue;
            }
            '\\' => characters.next().unwrap_or('\\'),
            other => other,
        };
        if let Some(last) = fields.last_mut() {
            last.push(next);
        }
    }
    fields
}
