//! The parts of a page, in their order.
//!
//! | file | |
//! |---|---|
//! | `answer` | what the run says, in words, and what it doesn't say |
//! | `scoreboard` | all models in the figures that people ask for first: one table |
//! | `verdicts` | which figures are doubtful, and why |
//! | `memory` | memory per connection by its owner |
//! | `rate` | peak rate, CPU per request |
//! | `threads` | rate and CPU per request over a ladder of threads |
//! | `times` | response times |
//! | `pairs` | ranks, and each model against each other |
//! | `more` | capacity, churn |
//! | `course` | each trial's course |
//! | `method` | the machine, the plan, the commands, biases |
//! | `figures` | a strip of one figure, which several of these show |
//! | `panels` | equal charts, one for each model |
//! | `side_by_side` | several runs |

pub(crate) mod answer;
pub(crate) mod course;
pub(crate) mod figures;
pub(crate) mod memory;
pub(crate) mod method;
pub(crate) mod more;
pub(crate) mod pairs;
mod panels;
pub(crate) mod rate;
pub(crate) mod scoreboard;
pub(crate) mod side_by_side;
pub(crate) mod threads;
pub(crate) mod times;
pub(crate) mod verdicts;
