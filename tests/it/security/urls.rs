//! URLs are shown without user information, query values, fragment and `;params`.
