//! Gathering: all input and output.
