//! Made records, and the tags that show them.
