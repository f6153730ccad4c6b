//! The time limit binds computation too, and sizes are capped where values enter.
