//! The rolling upgrade, top to bottom. Read the table first.
