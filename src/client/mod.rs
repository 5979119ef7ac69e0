//! seam: client
