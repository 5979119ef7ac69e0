//! seam: predict
