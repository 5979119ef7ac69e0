//! Route tables and their routes.

use crate::arm::Resource;
use crate::arm::validate::types::ROUTE;
use crate::emulator::body;

use super::{children, common};

pub(super) fn accept(resource: &mut Resource, previous: Option<&Resource>) {
    let etag = common(resource, previous);
    let properties = body::object(&mut resource.body, "properties");
    body::default(properties, "disableBgpRoutePropagation", false);
    children(resource, "routes", ROUTE, &etag, |_, route| {
        body::default(route, "hasBgpOverride", false);
    });
}
