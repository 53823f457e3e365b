//! Which part of a list is wanted.

use super::{Scope, Seq};

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// By `created_at`, the newest first; of equal ones the one written last first.
    #[default]
    Newest,
    /// The reverse of [`Order::Newest`].
    Oldest,
    /// By version, the lowest first.
    Written,
    /// By version, the highest first.
    Updated,
}

impl Order {
    /// True for the orders by version.
    #[must_use]
    pub fn is_by_version(self) -> bool {
        matches!(self, Self::Written | Self::Updated)
    }
}

/// A part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The order.
    pub order: Order,
    /// Only versions above this one; in [`Order::Written`] alone.
    pub after: Option<Seq>,
    /// At most so many.
    pub limit: usize,
    /// So many are passed over.
    pub offset: usize,
}

impl Page {
    /// The newest `limit` records.
    pub fn newest(limit: usize) -> Self {
        Self { order: Order::Newest, after: None, limit, offset: 0 }
    }
}

/// Which scopes are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scopes {
    /// The scope whose children are listed.
    pub parent: Scope,
    /// Every scope with a record, at the parent or below it, and not only the parent's children.
    pub recursive: bool,
    /// Only scopes behind this text, in the order of code points.
    pub after: Option<String>,
    /// At most so many.
    pub limit: usize,
}

impl Scopes {
    /// The children of a scope.
    pub fn children(parent: &Scope) -> Self {
        Self { parent: parent.clone(), recursive: false, after: None, limit: usize::MAX }
    }
}
