//! Which records each post shows, for signatures.

use std::collections::BTreeMap;

use super::{Built, Site};
use crate::experiment::attestation::Attestation;
use crate::experiment::plan::plan;
use crate::experiment::results::Results;
use crate::post::{self, Shown, pins};

impl Site {
    /// The attestation of each post and page that shows results, by the path of its source: all
    /// records of the experiments that it shows, pinned ones where it has a pin.
    pub fn attestations(&self, shown: &Shown, built: &Built) -> BTreeMap<String, Attestation> {
        let (blog, _) = post::read(&self.inputs, &self.config, shown);
        let planned = plan(&self.experiments, &self.records);
        // Pins with errors are errors of the build.
        let pins = pins::read(&blog, &self.inputs, &self.experiments, &self.records);
        let pins = pins.unwrap_or_default();
        let results = Results::of(&self.experiments, &planned, &self.verifications);
        let results = results.with_pins(&pins);
        let showing = built.experiments.iter().filter(|(_, names)| !names.is_empty());
        let attestations = showing.map(|(path, names)| {
            let results = results.shown_in(path);
            let experiments =
                names.iter().filter_map(|name| results.experiments.get(name.as_str()));
            let variants = experiments.flat_map(|experiment| &experiment.variants);
            let records = variants.flat_map(|variant| variant.records.iter().copied());
            (path.clone(), Attestation::of(self.inputs.origin(path), records))
        });
        attestations.collect()
    }
}
