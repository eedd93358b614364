//! What each built-in recipe accepts: its parameters, their defaults and bounds, its revision and its metrics.
//!
//! Both programs need this: `labpress` to check an experiment and to fingerprint it, `lab` to train. The training
//! itself is in `src/lab/`.

pub mod image_classification;
