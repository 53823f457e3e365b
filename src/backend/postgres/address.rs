//! Where a database is: the URL, and what libpq's environment variables and password file add to it.
//! See <https://www.postgresql.org/docs/current/libpq-connect.html>.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_postgres::config::{Config, Host, SslMode};

use super::tls::{Tls, Verify};
use crate::error::{Error, Result};

/// Environment variables, and the parameters that they stand for.
const VARIABLES: [(&str, &str); 13] = [
    ("PGHOST", "host"),
    ("PGHOSTADDR", "hostaddr"),
    ("PGPORT", "port"),
    ("PGDATABASE", "dbname"),
    ("PGUSER", "user"),
    ("PGPASSWORD", "password"),
    ("PGOPTIONS", "options"),
    ("PGAPPNAME", "application_name"),
    ("PGCONNECT_TIMEOUT", "connect_timeout"),
    ("PGTARGETSESSIONATTRS", "target_session_attrs"),
    ("PGCHANNELBINDING", "channel_binding"),
    ("PGSSLMODE", "sslmode"),
    ("PGSSLROOTCERT", "sslrootcert"),
];

/// Where a database is and how to connect to it.
#[derive(Clone)]
pub struct Address {
    /// The URL without its password, for messages.
    pub shown: String,
    /// How to connect.
    pub config: Config,
    /// How to encrypt.
    pub tls: Tls,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown)
    }
}

impl Address {
    /// Reads a URL. Connecting may take `timeout`, unless the URL says how long.
    ///
    /// # Errors
    /// [`Error::InvalidFilter`] for a URL or a parameter that cannot be read.
    pub fn parse(url: &Path, timeout: Duration) -> Result<Self> {
        Self::with(url.to_str().unwrap_or_default(), timeout, &|name| env::var(name).ok())
    }

    fn with(url: &str, timeout: Duration, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let shown = without_password(url);
        let invalid = |why: String| Error::InvalidFilter(format!("{shown:?}: {why}"));
        let (plain, mut tls) = take_tls_parameters(url);
        let mut config: Config = plain.parse().map_err(|error: tokio_postgres::Error| {
            let why = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            invalid(format!("it is no URL of a database: {why}"))
        })?;
        for (name, parameter) in VARIABLES {
            if let Some(value) = variable(name).filter(|value| !value.is_empty()) {
                let is_given = if parameter.starts_with("ssl") {
                    tls.iter().any(|(given, _)| given == parameter)
                } else {
                    has(&config, parameter)
                };
                if is_given {
                } else if parameter.starts_with("ssl") {
                    tls.push((parameter.to_owned(), value));
                } else {
                    set(&mut config, parameter, &value).map_err(|why| invalid(format!("{name}: {why}")))?;
                }
            }
        }
        let (mode, tls) = read_tls(&tls, variable).map_err(invalid)?;
        config.ssl_mode(mode);
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            config.host(default_host());
        }
        if config.get_user().is_none() {
            let user = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| variable(name));
            config.user(user.as_deref().unwrap_or("postgres"));
        }
        if config.get_password().is_none()
            && let Some(password) = from_password_file(&config, variable)
        {
            config.password(password);
        }
        if config.get_application_name().is_none() {
            config.application_name("agentmem");
        }
        let timeout = timeout.max(Duration::from_secs(1));
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(timeout);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(timeout);
        }
        // A server that vanishes after it has received a statement is noticed by probes alone.
        if !url.contains("keepalives_idle=") {
            config.keepalives_idle(timeout);
        }
        if config.get_keepalives_interval().is_none() {
            config.keepalives_interval(timeout);
        }
        Ok(Self { shown, config, tls })
    }
}

/// A URL without the password in it.
fn without_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (authority, behind) = rest.find(['/', '?']).map_or((rest, ""), |at| rest.split_at(at));
    let authority = match authority.rsplit_once('@') {
        Some((user, host)) => format!("{}@{host}", user.split(':').next().unwrap_or_default()),
        None => authority.to_owned(),
    };
    let (path, query) = behind.split_once('?').unwrap_or((behind, ""));
    let kept: Vec<&str> =
        query.split('&').filter(|part| !part.is_empty() && !part.starts_with("password=")).collect();
    let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    format!("{scheme}://{authority}{path}{query}")
}

/// Takes the parameters of TLS, and of the password file, out of a URL: the crate knows only some of them.
fn take_tls_parameters(url: &str) -> (String, Vec<(String, String)>) {
    const OURS: [&str; 5] = ["sslmode", "sslrootcert", "sslcert", "sslkey", "gssencmode"];
    let Some((plain, query)) = url.split_once('?') else { return (url.to_owned(), Vec::new()) };
    let (mut kept, mut taken) = (Vec::new(), Vec::new());
    for part in query.split('&').filter(|part| !part.is_empty()) {
        match part.split_once('=') {
            Some((name, value)) if OURS.contains(&name) => taken.push((name.to_owned(), decoded(value))),
            _ => kept.push(part),
        }
    }
    let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    (format!("{plain}{query}"), taken)
}

/// Percent-decodes the value of a parameter.
fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((&first, behind)) = rest.split_first() {
        let code = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            None => {
                bytes.push(first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn has(config: &Config, parameter: &str) -> bool {
    match parameter {
        "host" | "hostaddr" => !config.get_hosts().is_empty() || !config.get_hostaddrs().is_empty(),
        "port" => !config.get_ports().is_empty(),
        "dbname" => config.get_dbname().is_some(),
        "user" => config.get_user().is_some(),
        "password" => config.get_password().is_some(),
        "options" => config.get_options().is_some(),
        "application_name" => config.get_application_name().is_some(),
        "connect_timeout" => config.get_connect_timeout().is_some(),
        _ => false,
    }
}

/// Sets a parameter by the crate's own parser of `name='value'`.
fn set(config: &mut Config, parameter: &str, value: &str) -> Result<(), String> {
    let quoted = value.replace('\\', "\\\\").replace('\'', "\\'");
    let parsed: Config =
        format!("{parameter}='{quoted}'").parse().map_err(|error: tokio_postgres::Error| {
            std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default()
        })?;
    match parameter {
        "host" => {
            for host in parsed.get_hosts() {
                match host {
                    Host::Tcp(name) => config.host(name),
                    #[cfg(unix)]
                    Host::Unix(path) => config.host_path(path),
                };
            }
            config
        }
        "hostaddr" => parsed.get_hostaddrs().iter().fold(config, |config, address| config.hostaddr(*address)),
        "port" => parsed.get_ports().iter().fold(config, |config, port| config.port(*port)),
        "dbname" => config.dbname(value),
        "user" => config.user(value),
        "password" => config.password(value),
        "options" => config.options(value),
        "application_name" => config.application_name(value),
        "connect_timeout" => {
            config.connect_timeout(parsed.get_connect_timeout().copied().unwrap_or_default())
        }
        "target_session_attrs" => config.target_session_attrs(parsed.get_target_session_attrs()),
        _ => config.channel_binding(parsed.get_channel_binding()),
    };
    Ok(())
}

fn read_tls(
    given: &[(String, String)],
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<(SslMode, Tls), String> {
    let value = |name: &str| given.iter().rfind(|(given, _)| given == name).map(|(_, value)| value.as_str());
    let home = home(variable).map(|home| home.join(".postgresql"));
    let usual = |file: &str| home.as_ref().map(|folder| folder.join(file)).filter(|path| path.exists());
    let roots = value("sslrootcert").map(PathBuf::from).or_else(|| usual("root.crt"));
    let certificate = value("sslcert").map(PathBuf::from).or_else(|| usual("postgresql.crt"));
    let key = value("sslkey").map(PathBuf::from).or_else(|| usual("postgresql.key"));
    let (mode, verify) = match value("sslmode").unwrap_or("prefer") {
        "disable" => (SslMode::Disable, Verify::Nothing),
        "allow" | "prefer" => (SslMode::Prefer, Verify::Nothing),
        // As libpq does it, for compatibility with its first versions.
        "require" if roots.is_some() => (SslMode::Require, Verify::Chain),
        "require" => (SslMode::Require, Verify::Nothing),
        "verify-ca" => (SslMode::Require, Verify::Chain),
        "verify-full" => (SslMode::Require, Verify::ChainAndHost),
        other => return Err(format!("sslmode is {other:?}")),
    };
    Ok((mode, Tls { verify, roots, identity: certificate.zip(key) }))
}

fn home(variable: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    ["HOME", "USERPROFILE"].iter().find_map(|name| variable(name)).map(PathBuf::from)
}

/// A socket of this machine if there is one, otherwise its network.
fn default_host() -> &'static str {
    const FOLDERS: [&str; 2] = ["/var/run/postgresql", "/tmp"];
    let has_socket = |folder: &&&str| Path::new(folder).join(".s.PGSQL.5432").exists();
    FOLDERS.iter().find(has_socket).copied().unwrap_or("localhost")
}

/// The password of the first line that fits, see <https://www.postgresql.org/docs/current/libpq-pgpass.html>.
fn from_password_file(config: &Config, variable: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let path = variable("PGPASSFILE").map(PathBuf::from).or_else(|| Some(home(variable)?.join(".pgpass")))?;
    let lines = fs::read_to_string(&path).ok()?;
    if others_may_read(&path) {
        log::warn!("{path:?} is not read: others may read it; its mode must be 0600");
        return None;
    }
    let host = match config.get_hosts().first()? {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(_) => "localhost".to_owned(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432).to_string();
    let user = config.get_user()?;
    let wanted = [host.as_str(), &port, config.get_dbname().unwrap_or(user), user];
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(7);

    fn read(url: &str, variables: &[(&str, &str)]) -> Result<Address> {
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Address::with(url, TIMEOUT, &variable)
    }

    #[test]
    fn a_password_is_not_shown() {
        for (url, shown) in [
            ("postgresql://a:secret@h:5/d", "postgresql://a@h:5/d"),
            ("postgres://a:s@ecret@h/d?password=x&sslmode=disable", "postgres://a@h/d?sslmode=disable"),
            ("postgresql://", "postgresql://"),
            ("postgresql:///d?user=a", "postgresql:///d?user=a"),
        ] {
            assert_eq!(read(url, &[]).unwrap().shown, shown);
        }
    }

    #[test]
    fn the_url_comes_before_the_environment() {
        let variables =
            [("PGHOST", "other"), ("PGUSER", "b"), ("PGDATABASE", "e"), ("PGSSLMODE", "verify-full")];
        let config = read("postgresql://a@h", &variables).unwrap().config;
        assert_eq!(config.get_hosts(), [Host::Tcp("h".into())]);
        assert_eq!((config.get_user(), config.get_dbname()), (Some("a"), Some("e")));
        assert_eq!(config.get_ssl_mode(), SslMode::Require);
        assert_eq!(config.get_connect_timeout(), Some(&TIMEOUT));
        assert_eq!(
            (config.get_keepalives_idle(), config.get_keepalives_interval()),
            (TIMEOUT, Some(TIMEOUT))
        );
        let config = read("postgresql:///d?sslmode=disable", &variables).unwrap().config;
        assert_eq!(config.get_hosts(), [Host::Tcp("other".into())]);
        assert_eq!(config.get_ssl_mode(), SslMode::Disable);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for url in ["postgresql://h?sslmode=always", "postgresql://h?nonsense=1", "postgresql://h:port"] {
            assert!(matches!(read(url, &[]), Err(Error::InvalidFilter(_))), "{url}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_password_file_is_read_if_nobody_else_can() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("pgpass");
        fs::write(&path, "# h:*:*:*:no\nh:6:*:*:no\nh:*:d:a\\:b:se\\\\cret:x\n*:*:*:*:any\n").unwrap();
        let file = [("PGPASSFILE", path.to_str().unwrap())];
        let password = |url: &str| read(url, &file).unwrap().config.get_password().map(<[u8]>::to_vec);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(password("postgresql://h/d"), None);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(password("postgresql://a%3Ab@h/d"), Some(b"se\\cret:x".to_vec()));
        assert_eq!(password("postgresql://a@h/d"), Some(b"any".to_vec()));
        assert_eq!(password("postgresql://a:own@h/d"), Some(b"own".to_vec()));
    }
}
