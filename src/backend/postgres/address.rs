//! Where a database is: the URL, and what libpq's environment variables and password file add to it.
//! See <https://www.postgresql.org/docs/current/libpq-connect.html>.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_postgres::config::{ChannelBinding, Config, Host, SslMode, TargetSessionAttrs};

use super::tls::{Tls, Verify};
use super::{password_file, service_file};
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

/// Looks up an environment variable.
type Variable<'v> = &'v dyn Fn(&str) -> Option<String>;

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
        let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        Self::with(url.to_str().unwrap_or_default(), timeout, &variable)
    }

    fn with(url: &str, timeout: Duration, variable: Variable<'_>) -> Result<Self> {
        let shown = without_password(url);
        let read = || {
            check_escapes(url)?;
            let (plain, mut ours) = take_our_parameters(url);
            let mut config: Config =
                plain.parse().map_err(|error| format!("it is no URL of a database: {}", cause(&error)))?;
            add_others(&mut config, &mut ours, variable)?;
            let (mode, tls) = read_tls(&ours, variable)?;
            config.ssl_mode(mode);
            Ok((config, tls))
        };
        let (mut config, tls) =
            read().map_err(|why: String| Error::InvalidFilter(format!("{shown:?}: {why}")))?;
        set_defaults(&mut config, variable);
        set_timeouts(&mut config, url, timeout.max(Duration::from_secs(1)));
        Ok(Self { shown, config, tls })
    }
}

/// Adds what the service and the environment say, where the URL says nothing.
fn add_others(
    config: &mut Config,
    ours: &mut Vec<(String, String)>,
    variable: Variable<'_>,
) -> Result<(), String> {
    let service = ours.iter().rfind(|(name, _)| name == "service").map(|(_, value)| value.clone());
    let mut others = from_service_file(service.or_else(|| variable("PGSERVICE")), variable)?;
    let from_environment =
        |(name, parameter): &(&str, &str)| Some(((*parameter).to_owned(), variable(name)?));
    others.extend(VARIABLES.iter().filter_map(from_environment));
    others.into_iter().try_for_each(|(parameter, value)| {
        add(config, ours, &parameter, value).map_err(|why| format!("{parameter}: {why}"))
    })
}

fn set_defaults(config: &mut Config, variable: Variable<'_>) {
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        config.host(default_host());
    }
    if config.get_user().is_none() {
        let user = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| variable(name));
        config.user(user.as_deref().unwrap_or("postgres"));
    }
    if config.get_password().is_none()
        && let Some(password) = from_password_file(config, variable)
    {
        config.password(password);
    }
    if config.get_application_name().is_none() {
        config.application_name("agentmem");
    }
}

fn set_timeouts(config: &mut Config, url: &str, timeout: Duration) {
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
}

/// A URL without the password in it, even if the URL is wrong.
fn without_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let place = match place.rsplit_once('@') {
        Some((user, host)) => format!("{}@{host}", user.split(':').next().unwrap_or_default()),
        None => place.to_owned(),
    };
    let kept: Vec<&str> =
        query.split('&').filter(|part| !part.is_empty() && !part.starts_with("password=")).collect();
    let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    format!("{scheme}://{place}{query}")
}

/// Checks that no character of a URL has two meanings.
fn check_escapes(url: &str) -> Result<(), String> {
    let place = url.split_once("://").map_or(url, |(_, rest)| rest).split('?').next().unwrap_or_default();
    let user = place.rsplit_once('@').map_or("", |(user, _)| user);
    let is_code = |code: &[u8]| code.iter().all(u8::is_ascii_hexdigit);
    let escaped = |(at, _): (usize, &str)| url.as_bytes().get(at + 1..at + 3).is_some_and(is_code);
    if user.contains(['/', '@']) {
        return Err("in a name or a password, write \"/\" as %2F and \"@\" as %40".to_owned());
    }
    match url.match_indices('%').all(escaped) {
        true => Ok(()),
        false => Err("write \"%\" as %25".to_owned()),
    }
}

/// Takes the parameters out of a URL that the crate does not know, or only some values of.
fn take_our_parameters(url: &str) -> (String, Vec<(String, String)>) {
    const OURS: [&str; 6] = ["service", "sslmode", "sslrootcert", "sslcert", "sslkey", "gssencmode"];
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

/// Adds a parameter unless it is given.
fn add(
    config: &mut Config,
    ours: &mut Vec<(String, String)>,
    parameter: &str,
    value: String,
) -> Result<(), String> {
    if !parameter.starts_with("ssl") {
        return if has(config, parameter) { Ok(()) } else { set(config, parameter, &value) };
    }
    if ours.iter().all(|(given, _)| given != parameter) {
        ours.push((parameter.to_owned(), value));
    }
    Ok(())
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
        "target_session_attrs" => config.get_target_session_attrs() != TargetSessionAttrs::Any,
        "channel_binding" => config.get_channel_binding() != ChannelBinding::Prefer,
        _ => false,
    }
}

/// Sets a parameter by the crate's own parser of `name='value'`.
fn set(config: &mut Config, parameter: &str, value: &str) -> Result<(), String> {
    let quoted = value.replace('\\', "\\\\").replace('\'', "\\'");
    let parsed: Config = format!("{parameter}='{quoted}'").parse().map_err(|error| cause(&error))?;
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
        "channel_binding" => config.channel_binding(parsed.get_channel_binding()),
        _ => return Err("it can be given in the URL only".to_owned()),
    };
    Ok(())
}

/// What an error of the crate's parser says.
fn cause(error: &tokio_postgres::Error) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}

fn read_tls(given: &[(String, String)], variable: Variable<'_>) -> Result<(SslMode, Tls), String> {
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

fn home(variable: Variable<'_>) -> Option<PathBuf> {
    ["HOME", "USERPROFILE"].iter().find_map(|name| variable(name)).map(PathBuf::from)
}

/// A socket of this machine if there is one, otherwise its network.
fn default_host() -> &'static str {
    const FOLDERS: [&str; 2] = ["/var/run/postgresql", "/tmp"];
    let has_socket = |folder: &&&str| Path::new(folder).join(".s.PGSQL.5432").exists();
    FOLDERS.iter().find(has_socket).copied().unwrap_or("localhost")
}

fn from_password_file(config: &Config, variable: Variable<'_>) -> Option<String> {
    let path = variable("PGPASSFILE").map(PathBuf::from).or_else(|| Some(home(variable)?.join(".pgpass")))?;
    let host = match config.get_hosts().first()? {
        Host::Tcp(name) => name.as_str(),
        #[cfg(unix)]
        Host::Unix(_) => "localhost",
    };
    let port = config.get_ports().first().copied().unwrap_or(5432).to_string();
    let user = config.get_user()?;
    password_file::password(&path, [host, &port, config.get_dbname().unwrap_or(user), user])
}

/// The parameters of a service, if one is named.
fn from_service_file(name: Option<String>, variable: Variable<'_>) -> Result<Vec<(String, String)>, String> {
    let Some(name) = name else { return Ok(Vec::new()) };
    let own = variable("PGSERVICEFILE").map(PathBuf::from);
    let own = own.or_else(|| home(variable).map(|home| home.join(".pg_service.conf")));
    let shared = variable("PGSYSCONFDIR").map(|folder| PathBuf::from(folder).join("pg_service.conf"));
    let files: Vec<PathBuf> = own.into_iter().chain(shared).collect();
    let found = files.iter().find_map(|file| service_file::parameters(file, &name));
    found.ok_or_else(|| format!("the service {name:?} is in none of {files:?}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use std::fs;

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
            ("postgres://a:s%40ecret@h/d?password=x&sslmode=disable", "postgres://a@h/d?sslmode=disable"),
            ("postgresql://", "postgresql://"),
            ("postgresql:///d?user=a", "postgresql:///d?user=a"),
        ] {
            assert_eq!(read(url, &[]).unwrap().shown, shown);
        }
    }

    #[test]
    fn a_character_with_two_meanings_is_refused_and_not_shown() {
        for url in ["postgresql://a:sek/ret@h/d", "postgresql://a:sek@ret@h/d", "postgresql://a:sek%zret@h/d"]
        {
            let Err(Error::InvalidFilter(why)) = read(url, &[]) else { unreachable!("{url}") };
            assert!(why.contains("as %") && !why.contains("sek") && !why.contains("ret"), "{why}");
        }
    }

    #[test]
    fn a_service_comes_between_the_url_and_the_environment() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("services");
        fs::write(
            &path,
            "# no\n[one]\nhost=no\n\n[two]\nhost = h\nuser=b\nsslmode=disable\n[three]\nport=7\n",
        )
        .unwrap();
        let file = ("PGSERVICEFILE", path.to_str().unwrap());
        let variables = [file, ("PGUSER", "c"), ("PGDATABASE", "e"), ("PGSSLMODE", "require")];
        for (url, service) in [("postgresql:///?service=two", "one"), ("postgresql://", "two")] {
            let config = read(url, &[&variables[..], &[("PGSERVICE", service)]].concat()).unwrap().config;
            assert_eq!(config.get_hosts(), [Host::Tcp("h".into())]);
            assert_eq!((config.get_user(), config.get_dbname()), (Some("b"), Some("e")));
            assert_eq!((config.get_ssl_mode(), config.get_ports().len()), (SslMode::Disable, 0));
        }
        let config = read("postgresql://a@g?service=two", &variables).unwrap().config;
        assert_eq!((config.get_hosts().len(), config.get_user()), (1, Some("a")));
        for service in ["four", "TWO"] {
            let unknown = read("postgresql://h", &[file, ("PGSERVICE", service)]);
            assert!(matches!(unknown, Err(Error::InvalidFilter(_))));
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
