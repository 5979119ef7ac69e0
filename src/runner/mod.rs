//! seam: runner
