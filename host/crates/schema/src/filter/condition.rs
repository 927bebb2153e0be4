//! The conditions that a filter is made of.

use super::test::Test;

/// A condition on an object. All conditions of a list have to hold.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    /// The member of that name passes one of the tests.
    Leaf(String, Vec<Test>),
    /// The conditions hold of the member of that name.
    Member(String, Vec<Condition>),
    /// One of the lists of conditions holds of the object itself.
    Or(Vec<Vec<Condition>>),
}
