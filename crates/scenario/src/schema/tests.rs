//! Tests of the schema: it knows the keys of the reader, and says what each of them means.

use super::*;

#[test]
fn a_schema_is_made() {
    assert!(schema().starts_with('{'));
}
