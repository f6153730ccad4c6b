//! Which addresses the doctor connects to, and which issuer URLs it accepts.
