//! The record of a run: lines, writer, reader, conservation.
