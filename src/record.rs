//! What is stored and found: records, the filters that select them, and hits.

use std::fmt;

use crate::error::{Error, Result};

mod condition;
mod draft;
mod id;
mod metadata;
pub mod moment;

pub use condition::{Condition, Test};
pub use draft::Draft;
pub use id::RecordId;
pub use metadata::Metadata;
#[cfg(feature = "python")]
pub(crate) use metadata::Writer as MetadataWriter;

/// Names one version of one record: assigned by SQLite at each write, rising, never used twice.
/// The indexes speak of records by it. An update gives the record a new one.
pub type Seq = i64;

/// Microseconds since 1970-01-01 UTC.
pub type Micros = i64;

/// Longest id, scope, source or category, in bytes.
pub const MAX_NAME_BYTES: usize = 1024;

/// How deep lists and objects in metadata may nest; JSON that nests deeper than 127 is not read back.
pub const MAX_METADATA_DEPTH: usize = 100;

/// First and last instant that a record may carry: years 1 to 9999, as Python's `datetime`.
pub const MICROS_RANGE: std::ops::RangeInclusive<Micros> = -62_135_596_800_000_000..=253_402_300_799_999_999;

/// A place in the hierarchy, `/crew/research`: starts with a slash, has no empty, `.` or `..` part
/// and no slash at the end, but for the root `/` itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope(String);

impl Scope {
    /// The scope that holds all others.
    pub fn root() -> Self {
        Self("/".into())
    }

    /// Normalises as CrewAI does: white space around it is cut, a missing slash is put in front, doubled
    /// and closing slashes are dropped; the empty text is the root. What comes out is normal: parsed again, it is the same.
    ///
    /// # Errors
    /// [`Error::InvalidRecord`] for `.` and `..` parts, NUL, and more than [`MAX_NAME_BYTES`].
    pub fn parse(text: &str) -> Result<Self> {
        let mut path = String::with_capacity(text.len() + 1);
        let inner = text.trim_start().trim_end_matches(|c: char| c == '/' || c.is_whitespace());
        for part in inner.split('/').filter(|part| !part.is_empty()) {
            if part == "." || part == ".." {
                return Err(Error::InvalidRecord(format!(
                    "the scope {text:?} has the part {part:?}; name the scope in full"
                )));
            }
            path.push('/');
            path.push_str(part);
        }
        if path.contains('\0') || path.len() > MAX_NAME_BYTES {
            return Err(Error::InvalidRecord(format!(
                "the scope {:?} holds NUL or more than {MAX_NAME_BYTES} bytes",
                abbreviate(text)
            )));
        }
        Ok(if path.is_empty() { Self::root() } else { Self(path) })
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Is `other` this scope or below it? `/a` contains `/a` and `/a/b`, never `/ab`.
    pub fn contains(&self, other: &Scope) -> bool {
        self.0 == "/"
            || other.0.strip_prefix(&self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl Default for Scope {
    fn default() -> Self {
        Self::root()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One stored memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The id that the user knows it by.
    pub id: RecordId,
    /// What is remembered.
    pub content: String,
    /// Where it belongs.
    pub scope: Scope,
    /// Labels, in the order given, each once.
    pub categories: Vec<String>,
    /// Free JSON, in the order given.
    pub metadata: Metadata,
    /// 0 to 1.
    pub importance: f64,
    /// Who wrote it.
    pub source: Option<String>,
    /// Seen only by its own source.
    pub private: bool,
    /// When it came to be.
    pub created_at: Micros,
    /// When it was last changed.
    pub updated_at: Micros,
    /// When it was last touched.
    pub last_accessed: Micros,
    /// The vector of an embedder, if one was given.
    pub embedding: Option<Vec<f32>>,
}

impl Record {
    /// A record of this content with every other field at its default, created now.
    pub fn new(content: impl Into<String>) -> Self {
        let now = now();
        Self {
            id: RecordId::new(),
            content: content.into(),
            scope: Scope::root(),
            categories: Vec::new(),
            metadata: Metadata::default(),
            importance: 0.5,
            source: None,
            private: false,
            created_at: now,
            updated_at: now,
            last_accessed: now,
            embedding: None,
        }
    }

    /// Checks every rule that the types do not hold already, and drops repeated categories.
    ///
    /// # Errors
    /// [`Error::InvalidRecord`], naming the field and the value.
    pub fn validated(mut self) -> Result<Self> {
        if self.content.trim().is_empty() {
            return Err(Error::InvalidRecord("the content is empty; there is nothing to remember".into()));
        }
        if self.content.contains('\0') {
            return Err(Error::InvalidRecord("the content holds a NUL character; remove it".into()));
        }
        if !(0.0..=1.0).contains(&self.importance) {
            return Err(Error::InvalidRecord(format!("importance {} is not in 0..1", self.importance)));
        }
        if self.metadata.is_deeper(MAX_METADATA_DEPTH) {
            return Err(Error::InvalidRecord(format!("the metadata nests deeper than {MAX_METADATA_DEPTH}")));
        }
        for (field, at) in [
            ("created_at", self.created_at),
            ("updated_at", self.updated_at),
            ("last_accessed", self.last_accessed),
        ] {
            if !MICROS_RANGE.contains(&at) {
                return Err(Error::InvalidRecord(format!("{field} is not in the years 1 to 9999")));
            }
        }
        if let Some(source) = &self.source {
            check_name("source", source)?;
        }
        for category in &self.categories {
            check_name("category", category)?;
        }
        if let Some(vector) = &self.embedding {
            check_vector(vector)?;
        }
        drop_repeats(&mut self.categories);
        Ok(self)
    }
}

/// Fields to change in a record; `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// New content.
    pub content: Option<String>,
    /// New scope.
    pub scope: Option<Scope>,
    /// New labels, in place of the old.
    pub categories: Option<Vec<String>>,
    /// New metadata, in place of the old.
    pub metadata: Option<Metadata>,
    /// New importance.
    pub importance: Option<f64>,
    /// New source; `Some(None)` removes it.
    pub source: Option<Option<String>>,
    /// New privacy.
    pub private: Option<bool>,
    /// New date of birth.
    pub created_at: Option<Micros>,
    /// New last access.
    pub last_accessed: Option<Micros>,
    /// New vector; `Some(None)` removes it.
    pub embedding: Option<Option<Vec<f32>>>,
}

impl Changes {
    /// `record` with these changes, `updated_at` set to now.
    ///
    /// # Errors
    /// [`Error::InvalidRecord`] as [`Record::validated`].
    pub fn apply(self, mut record: Record) -> Result<Record> {
        macro_rules! set {
            ($($field:ident),*) => { $( if let Some(value) = self.$field { record.$field = value; } )* };
        }
        set!(content, scope, categories, metadata, importance, source, private, created_at, last_accessed);
        set!(embedding);
        record.updated_at = now();
        record.validated()
    }
}

/// Who looks: decides which private records are seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Viewer {
    /// Sees the private records of this source.
    pub source: Option<String>,
    /// Sees all private records.
    pub include_private: bool,
}

impl Viewer {
    /// One who sees everything.
    pub fn all() -> Self {
        Self { source: None, include_private: true }
    }

    /// May this viewer see a record of this source and privacy?
    pub fn sees(&self, source: Option<&str>, private: bool) -> bool {
        !private || self.include_private || (source.is_some() && source == self.source.as_deref())
    }
}

/// Which records an operation is about: every part that is given must hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// One of these ids.
    pub ids: Option<Vec<RecordId>>,
    /// In this scope or below.
    pub scope: Option<Scope>,
    /// Any of these labels; empty means no condition.
    pub categories: Vec<String>,
    /// This condition on the metadata.
    pub condition: Option<Condition>,
    /// Created at or after.
    pub since: Option<Micros>,
    /// Created before.
    pub until: Option<Micros>,
    /// Who looks.
    pub viewer: Viewer,
}

impl Filter {
    /// Everything, private records too.
    pub fn all() -> Self {
        Self { viewer: Viewer::all(), ..Self::default() }
    }

    /// Is any part given that narrows the records (the viewer is none)?
    pub fn narrows(&self) -> bool {
        self.ids.is_some()
            || self.scope.is_some()
            || !self.categories.is_empty()
            || self.condition.as_ref().is_some_and(|condition| !condition.always_holds())
            || self.since.is_some()
            || self.until.is_some()
    }
}

/// What a search asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Any text; it is never syntax.
    pub text: String,
    /// At most this many hits.
    pub limit: usize,
    /// Only among these.
    pub filter: Filter,
    /// Which retrievers answer.
    pub mode: Mode,
    /// Hits below this score are left out.
    pub min_score: f64,
    /// The query's vector, for [`Mode::Vector`] and as a further retriever in [`Mode::Hybrid`].
    pub vector: Option<Vec<f32>>,
    /// Lets the records before and after a record, and who speaks in it, speak for it; [`Mode::Hybrid`] only.
    pub dialogue: bool,
    /// What else than relevance counts.
    pub blend: Blend,
}

/// Weights of recency and importance beside relevance, which weighs 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Blend {
    /// Weight of recency: 1 for a record created now, half for each half-life of age.
    pub recency: f64,
    /// Weight of a record's importance.
    pub importance: f64,
    /// Half-life of recency in days.
    pub half_life_days: f64,
}

impl Default for Blend {
    /// Relevance alone.
    fn default() -> Self {
        Self { recency: 0.0, importance: 0.0, half_life_days: 30.0 }
    }
}

impl Blend {
    /// Does relevance alone count?
    pub fn is_relevance(&self) -> bool {
        self.recency == 0.0 && self.importance == 0.0
    }

    /// The weighted mean of relevance, recency and importance at `now`, in 0..1.
    pub fn of(&self, relevance: f64, record: &Record, now: Micros) -> f64 {
        const MICROS_PER_DAY: f64 = 86_400e6;
        let age_days = now.saturating_sub(record.created_at).max(0) as f64 / MICROS_PER_DAY;
        // To the millionth, so that a search repeated at once says the same.
        let recency = ((-age_days / self.half_life_days).exp2() * 1e6).round() / 1e6;
        (relevance + self.recency * recency + self.importance * record.importance)
            / (1.0 + self.recency + self.importance)
    }

    /// # Errors
    /// [`Error::InvalidFilter`] when a weight is negative or not finite, or the half-life not above 0.
    pub fn check(&self) -> Result<()> {
        let weight = |weight: f64| weight.is_finite() && weight >= 0.0;
        if weight(self.recency) && weight(self.importance) && self.half_life_days > 0.0 {
            return Ok(());
        }
        Err(Error::InvalidFilter(format!(
            "weights {} and {} must be 0 or more, the half-life {} days more than 0",
            self.recency, self.importance, self.half_life_days
        )))
    }
}

impl Query {
    /// A hybrid search for `text` among all that is public.
    pub fn new(text: impl Into<String>, limit: usize) -> Self {
        Self {
            text: text.into(),
            limit,
            filter: Filter::default(),
            mode: Mode::Hybrid,
            min_score: 0.0,
            vector: None,
            dialogue: false,
            blend: Blend::default(),
        }
    }
}

/// Which retrievers answer a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// BM25, then the best few re-ranked with richer signals; the default.
    Hybrid,
    /// BM25 alone.
    Bm25,
    /// TF-IDF cosine alone.
    Tfidf,
    /// Cosine of embeddings alone.
    Vector,
}

/// A record that a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// What was found.
    pub record: Record,
    /// Relevance in 0..1, never rising down the list.
    pub score: f64,
    /// What each retriever and signal gave, by name.
    pub explain: Vec<(&'static str, f64)>,
}

/// Now, in microseconds since 1970 UTC.
pub fn now() -> Micros {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .ok()
        .and_then(|since| Micros::try_from(since.as_micros()).ok())
        .unwrap_or_default()
}

/// Keeps the first of equal names.
fn drop_repeats(names: &mut Vec<String>) {
    /// Fewer are compared quicker than hashed.
    const MANY: usize = 16;
    if names.len() < MANY {
        let mut at = 0;
        while at < names.len() {
            let (before, rest) = names.split_at(at);
            if before.contains(&rest[0]) {
                names.remove(at);
            } else {
                at += 1;
            }
        }
    } else {
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
    }
}

fn check_name(what: &str, text: &str) -> Result<()> {
    let why = if text.is_empty() {
        "is empty".into()
    } else if text.contains('\0') {
        format!("{:?} holds a NUL character; remove it", abbreviate(text))
    } else if text.len() > MAX_NAME_BYTES {
        format!("{:?}… has {} bytes; {MAX_NAME_BYTES} are possible", abbreviate(text), text.len())
    } else {
        return Ok(());
    };
    Err(Error::InvalidRecord(format!("the {what} {why}")))
}

/// # Errors
/// [`Error::InvalidRecord`] when the vector is empty or holds NaN or infinity.
pub fn check_vector(vector: &[f32]) -> Result<()> {
    if vector.is_empty() {
        return Err(Error::InvalidRecord("the embedding is empty".into()));
    }
    match vector.iter().position(|x| !x.is_finite()) {
        Some(place) => Err(Error::InvalidRecord(format!(
            "the embedding has {} at [{place}]; finite numbers of single precision are needed",
            vector[place]
        ))),
        None => Ok(()),
    }
}

fn abbreviate(text: &str) -> String {
    text.chars().take(60).collect()
}
