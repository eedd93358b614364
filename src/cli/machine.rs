//! What is known about this machine before a run: the facts that a record made here would have.

use serde_json::Value;

use super::environment;
use labpress::experiment::environment::Environment;
use labpress::experiment::plan::PlannedRun;
use labpress::experiment::spec::{Device, Experiment, Runner};

/// This machine.
pub(super) struct Machine {
    /// The output of `lab info`; `None` if `lab` does not start or has no recorded runs.
    lab: Option<Value>,
}

impl Machine {
    /// Describes this machine, as far as needed for the records of these runs.
    pub(super) fn of(planned: &[PlannedRun<'_>]) -> Machine {
        let is_recorded_by_lab = |run: &PlannedRun<'_>| {
            matches!(run.experiment.runner, Runner::Lab { .. }) && run.fresh().is_some()
        };
        // Starting `lab` loads libtorch, which is slow.
        let lab = planned.iter().any(is_recorded_by_lab).then(environment::lab).flatten();
        Machine { lab: lab.and_then(|lab| environment::lab_info(&lab).ok()) }
    }

    /// The facts that a run of the experiment would report here. For a custom program, only those
    /// that labpress itself knows.
    pub(super) fn facts(&self, experiment: &Experiment) -> Environment {
        let mut facts = Environment::from([
            ("os".to_owned(), std::env::consts::OS.to_owned()),
            ("arch".to_owned(), std::env::consts::ARCH.to_owned()),
            ("threads".to_owned(), experiment.limits.threads.to_string()),
        ]);
        let Some(info) =
            self.lab.as_ref().filter(|_| matches!(experiment.runner, Runner::Lab { .. }))
        else {
            return facts;
        };
        let uses_gpu = info["cuda"] == true && experiment.device != Some(Device::Cpu);
        facts.insert("device".to_owned(), if uses_gpu { "cuda:0" } else { "cpu" }.to_owned());
        let said_by_lab = if uses_gpu {
            &["libtorch", "cpu", "cpu-capability", "gpu", "driver"][..]
        } else {
            &["libtorch", "cpu", "cpu-capability"]
        };
        for name in said_by_lab {
            if let Some(fact) = info[name].as_str() {
                facts.insert((*name).to_owned(), fact.to_owned());
            }
        }
        facts
    }
}
