//! seam: lab
