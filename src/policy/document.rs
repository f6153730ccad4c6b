//! Reading policy documents.
