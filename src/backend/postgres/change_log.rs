//! The change log that users read.

use super::feed;
use super::head::Head;
use super::view::View;
use crate::backend::change_log::{Cursor, LogPage, merge};
use crate::error::Result;
use crate::record::{Filter, Order, Page, Viewer};

impl View<'_> {
    pub(super) fn read_changes(
        &self,
        after: Option<Cursor>,
        limit: usize,
        viewer: &Viewer,
    ) -> Result<LogPage> {
        let Head { seq, deletion, pruned, .. } = self.head;
        let start = after.unwrap_or(Cursor { deletion, ..Cursor::default() });
        let complete = start.deletion >= pruned;
        let current = Cursor { version: seq, deletion, within: 0 };
        if limit == 0 {
            return Ok(LogPage { items: Vec::new(), cursor: current, complete });
        }
        let page = Page { order: Order::Written, after: Some(start.version), limit, offset: 0 };
        let filter = Filter { viewer: viewer.clone(), ..Filter::default() };
        let writes = self.read_list(&filter, page)?;
        let deletions = feed::visible_deletions(self, start.deletion, limit)?;
        let (items, cursor) = merge(writes, deletions, start, limit);
        Ok(LogPage { items, cursor: cursor.unwrap_or(current), complete })
    }
}
