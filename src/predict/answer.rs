//! What the caller sees of a flow that arrives: `reachable` where something listens, `refused` where
//! nothing does (R81; for a port that a container group does not expose Azure's behaviour is not
//! documented, and the same is predicted), open where nobody has told.

use crate::arm::Listening;
use crate::net::Protocol;
use crate::verdict::Outcome;

use super::walk::{Receiver, Walk};

impl<'n> Walk<'_, 'n> {
    pub(super) fn answer(&mut self, receiver: &Receiver<'n>) -> Outcome {
        let answers = match (receiver, self.question.listens) {
            (Receiver::Called(_) | Receiver::Outside, Listening::Yes) => true,
            (Receiver::Called(_) | Receiver::Outside, Listening::No) => false,
            (Receiver::Called(to), Listening::Unknown) => self.readings.ask_whether(
                format!("something listens at {}", to.name),
                format!("nothing listens at {}", to.name),
            ),
            (Receiver::Outside, Listening::Unknown) => self.readings.ask_whether(
                format!("something outside the template answers at {}", self.address),
                format!("nothing outside the template answers at {}", self.address),
            ),
            (Receiver::Other(other), _) => self.readings.ask_whether(
                format!("{} has the called address in the network that the packet reaches, and answers", other.name),
                format!("{} has the called address in the network that the packet reaches, and does not answer", other.name),
            ),
        };
        if answers {
            return Outcome::Reachable;
        }
        // R81: a host that the template knows resets what nothing listens for.
        if matches!(receiver, Receiver::Called(_)) && self.question.protocol == Protocol::Tcp {
            return Outcome::Refused;
        }
        // R82: without an answer, what the far end's host does shows only where it sends a reset.
        let refuses = self.readings.ask_whether(
            "R81: the far end's host refuses",
            "R82: the far end's host is silent",
        );
        if refuses {
            Outcome::Refused
        } else {
            Outcome::Timeout
        }
    }
}
