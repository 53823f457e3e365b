//! Service files, see <https://www.postgresql.org/docs/current/libpq-pgservice.html>.

use std::fs;
use std::path::Path;

/// The parameters of a service, in their order; `None` if the file does not have it.
pub fn parameters(path: &Path, service: &str) -> Option<Vec<(String, String)>> {
    let text = fs::read_to_string(path).ok()?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let heading = format!("[{service}]");
    let mut found = lines.skip_while(|line| *line != heading);
    found.next()?;
    let own = found.take_while(|line| !line.starts_with('['));
    let pair =
        |line: &str| line.split_once('=').map(|(name, value)| (name.trim().into(), value.trim().into()));
    Some(own.filter_map(pair).collect())
}
