//! Which backend URL a login uses, and what is wrong with it.
