//! Schema versions of stores, in files and in databases.

pub use crate::backend::dispatch::{migrate, status};
pub use crate::backend::migration::{Plan, Status};
