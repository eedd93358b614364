//! `labpress doctor`: what this machine has, what is missing, and the command that installs it.

use std::fmt::Write as _;
use std::path::Path;

use super::{answer, environment, site};
use labpress::data;
use labpress::runner::BUILD;

pub(super) fn doctor(root: &Path) {
    let mut report = Report::default();
    report.fact(
        "labpress",
        format!("{BUILD} for {}-{}", std::env::consts::ARCH, std::env::consts::OS),
    );
    report.fact("cores", environment::cores().to_string());
    lab(&mut report);
    data_sets(root, &mut report);
    answer(&report.text);
}

/// Lines for what is there and what is missing.
#[derive(Default)]
struct Report {
    text: String,
}

impl Report {
    fn fact(&mut self, what: &str, fact: impl AsRef<str>) {
        // Writing to a `String` cannot fail.
        let _ = writeln!(self.text, "ok       {what}: {}", fact.as_ref());
    }

    fn warning(&mut self, what: &str, problem: &str, fix: &str) {
        let _ = writeln!(self.text, "warning  {what}: {problem}\n         {fix}");
    }

    fn lack(&mut self, what: &str, lack: impl AsRef<str>, fix: &str) {
        let _ = writeln!(self.text, "missing  {what}: {}\n         {fix}", lack.as_ref());
    }
}

fn lab(report: &mut Report) {
    let Some(path) = environment::lab() else {
        report.lack(
            "lab",
            "the built-in runner was not found next to labpress or on the PATH; \
             sites build without it",
            "to train, run `make lab` in labpress's repository, or set LABPRESS_LAB to its path",
        );
        return;
    };
    let info = match environment::lab_info(&path) {
        Ok(info) => info,
        Err(reason) => {
            report.lack(
                "lab",
                format!("cannot start `{}`: {reason}", path.display()),
                "rebuild it with `make lab`",
            );
            return;
        }
    };
    match environment::other_build(&path, &info) {
        None => report.fact("lab", path.display().to_string()),
        Some(difference) => {
            report.warning("lab", &difference, "`make lab` builds it from the same source");
        }
    }
    let text = |key: &str| info[key].as_str().unwrap_or("unknown").to_owned();
    report.fact("libtorch", text("libtorch"));
    report.fact("CPU", format!("{} ({})", text("cpu"), text("cpu-capability")));
    if info["cuda"] == true {
        let devices: Vec<&str> = info["devices"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|name| name.as_str())
            .collect();
        report.fact("devices", devices.join(", "));
    } else {
        report.lack(
            "GPU",
            "libtorch finds no usable one",
            "training runs on the CPU; for a GPU, set LIBTORCH to a CUDA build of libtorch 2.11 \
             and run `make lab`",
        );
    }
}

fn data_sets(root: &Path, report: &mut Report) {
    let Some(cache) = environment::data_cache() else {
        report.lack("data", "there is no folder for data sets", "set LABPRESS_DATA, or HOME");
        return;
    };
    // The built-in data sets are also available outside a site.
    let experiments = site::root(root)
        .and_then(|root| site::read(&root))
        .map(|site| site.experiments)
        .unwrap_or_default();
    let used = experiments.iter().flat_map(|experiment| {
        let weights =
            experiment.variants.iter().filter_map(|variant| variant.weights.as_ref()?.data());
        experiment.data.iter().chain(weights)
    });
    let mut seen = std::collections::BTreeSet::new();
    for data in used.filter(|data| seen.insert(data.name.clone())) {
        if data::fetch::is_present(&data.name, &data.set, &cache) {
            report.fact(&format!("data set {}", data.name), cache.display().to_string());
        } else {
            let fix = "the first run that needs it fetches it";
            report.lack(
                &format!("data set {}", data.name),
                format!("not in {}", cache.display()),
                fix,
            );
        }
    }
}
