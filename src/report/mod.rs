//! seam: report
