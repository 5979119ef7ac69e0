//! seam: cli
