//! Units: below.
