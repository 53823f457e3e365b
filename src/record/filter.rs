//! Filters: which records an operation is about.

use super::{Condition, Micros, RecordId, Scope, Viewer};

/// Selects records: every part that is given must hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// The record has one of these ids.
    pub ids: Option<Vec<RecordId>>,
    /// The record is in this scope or below.
    pub scope: Option<Scope>,
    /// The record has at least one of these categories; an empty list selects all records.
    pub categories: Vec<String>,
    /// The metadata meets this condition.
    pub condition: Option<Condition>,
    /// The record was created at this time or later.
    pub since: Option<Micros>,
    /// The record was created before this time.
    pub until: Option<Micros>,
    /// Who asks.
    pub viewer: Viewer,
}

impl Filter {
    /// Selects every record, private ones too.
    pub fn all() -> Self {
        Self { viewer: Viewer::all(), ..Self::default() }
    }

    /// Selects the records whose statistics a search with this filter uses: those of its scope that its viewer may see.
    #[must_use]
    pub fn population(&self) -> Self {
        let scope = self.scope.clone().filter(|scope| *scope != Scope::root());
        Self { scope, viewer: self.viewer.clone(), ..Self::default() }
    }

    /// Whether ids are all that is given, the viewer aside.
    pub fn is_ids_alone(&self) -> bool {
        let ids_alone = Self { ids: self.ids.clone(), viewer: self.viewer.clone(), ..Self::default() };
        self.ids.is_some() && *self == ids_alone
    }

    /// Whether any part other than the viewer excludes records.
    pub fn narrows(&self) -> bool {
        self.ids.is_some()
            || self.scope.is_some()
            || !self.categories.is_empty()
            || self.condition.as_ref().is_some_and(|condition| !condition.always_holds())
            || self.since.is_some()
            || self.until.is_some()
    }
}
