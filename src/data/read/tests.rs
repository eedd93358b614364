//! Reads small data sets of every format.
#![expect(clippy::disallowed_methods, reason = "these tests write files and read them")]

use std::fs;
use std::path::Path;

use super::*;
use crate::data::picture::png_of;
use crate::yaml::Yaml;

const ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

const AS_IS: Wanted<'_> = Wanted { split: DEFAULT, seed: 0, image_size: None, channels: None };

/// The declaration with these lines of `format`, `files` and `splits`.
fn declared(lines: &str) -> DataSet {
    let text = format!(
        "title: T\nlicence: L\nhomepage: H\ncitation: C\nclasses: [cat, dog]\n\
         sources: [{{kind: folder, path: x}}]\n{}",
        lines.replace("ZEROS", ZEROS),
    );
    DataSet::parse(&Yaml::file("t.yml", &text)).unwrap_or_else(|error| panic!("{error:?}"))
}

fn write(folder: &Path, files: &[(&str, &[u8])]) {
    for (name, bytes) in files {
        fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
        fs::write(folder.join(name), bytes).unwrap();
    }
}

/// A grey picture of one value.
fn grey(value: u8, columns: u32, rows: u32) -> Vec<u8> {
    png_of(&vec![value; (columns * rows) as usize], 1, columns, rows)
}

fn read_error(folder: &Path, set: &DataSet, wanted: &Wanted<'_>) -> String {
    let error = read("t", folder, set, wanted).expect_err("it is wrong");
    format!("{error:#}").replace(&folder.display().to_string(), "DIR")
}

const TABLE: &str = "
format:
  kind: table
  labelled: {file: train.csv, image: {column: id, folder: train, extension: .png}}
  label: {column: label}
  unlabelled: {file: sample.csv, image: {column: id, folder: test, extension: .png}}
files:
  train: {folder: true, sha256: ZEROS}
  test: {folder: true, sha256: ZEROS}
  train.csv: {sha256: ZEROS}
  sample.csv: {sha256: ZEROS}
splits:
  default: {kind: column, column: part, test: [b]}
  panels: {kind: groups, column: panel, test: 0.5}
";

fn table_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let table = b"id,label,part,panel\nx1,cat,a,1\nx2,dog,b,1\nx3,dog,a,2\n";
    write(
        folder.path(),
        &[
            ("train.csv", table),
            ("sample.csv", b"id,label\n9,cat\n8,cat\n"),
            ("train/x1.png", &grey(1, 2, 2)),
            ("train/x2.png", &grey(2, 2, 2)),
            ("train/x3.png", &grey(3, 2, 2)),
            ("test/8.png", &grey(8, 2, 2)),
            ("test/9.png", &grey(9, 2, 2)),
        ],
    );
    folder
}

#[test]
fn a_table_lists_images() {
    let folder = table_folder();
    let splits = read("t", folder.path(), &declared(TABLE), &AS_IS).unwrap();
    assert_eq!(
        (splits.train.labels, splits.train.pixels[..].to_vec()),
        (vec![0, 1], vec![1, 1, 1, 1, 3, 3, 3, 3])
    );
    assert_eq!(splits.train.ids.unwrap(), ["x1", "x3"]);
    assert_eq!((splits.test.labels, splits.test.pixels[..].to_vec()), (vec![1], vec![2; 4]));
    let unlabelled = splits.unlabelled.unwrap();
    assert_eq!(unlabelled.ids.unwrap(), ["9", "8"]);
    assert_eq!((unlabelled.labels, unlabelled.pixels[0], unlabelled.pixels[4]), (vec![], 9, 8));
}

#[test]
fn groups_of_a_table_stay_together() {
    let folder = table_folder();
    let splits =
        read("t", folder.path(), &declared(TABLE), &Wanted { split: "panels", ..AS_IS }).unwrap();
    let (train, test) = (splits.train.groups.unwrap(), splits.test.groups.unwrap());
    assert!(train.iter().all(|group| !test.contains(group)), "{train:?} {test:?}");
}

#[test]
fn an_undeclared_split_is_named() {
    let folder = table_folder();
    let error = read_error(folder.path(), &declared(TABLE), &Wanted { split: "panel", ..AS_IS });
    let expected =
        "cannot make the split `panel` of the data set `t`: it declares only `default`, `panels`";
    assert_eq!(error, expected);
}

#[test]
fn a_missing_image_is_named() {
    let folder = table_folder();
    fs::remove_file(folder.path().join("train/x2.png")).unwrap();
    let error = read_error(folder.path(), &declared(TABLE), &AS_IS);
    assert!(
        error.starts_with("cannot read the data set `t`: cannot read `DIR/train/x2.png`: "),
        "{error}"
    );
}

#[test]
fn a_path_in_a_table_stays_in_the_data_set() {
    let folder = table_folder();
    write(folder.path(), &[("train.csv", b"id,label,part,panel\n../../x,cat,a,1\n")]);
    let error = read_error(folder.path(), &declared(TABLE), &AS_IS);
    assert_eq!(
        error,
        "cannot read the data set `t`: `train.csv`: `../../x.png` is not a path inside the data set"
    );
}

const FOLDERS: &str = "
format: {kind: image-folder, train: train, test: test}
files:
  train: {folder: true, sha256: ZEROS}
  test: {folder: true, sha256: ZEROS}
";

fn image_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let red = png_of(&[200, 0, 0].repeat(8), 3, 4, 2);
    write(
        folder.path(),
        &[
            ("train/cat/2.png", &grey(2, 3, 3)),
            ("train/cat/1.png", &grey(1, 3, 3)),
            ("train/cat/note.txt", b"no picture"),
            ("train/dog/deep/3.PNG", &red),
            ("test/dog/4.png", &grey(4, 3, 3)),
            ("test/cat/5.png", &grey(5, 3, 3)),
        ],
    );
    folder
}

#[test]
fn folders_are_classes() {
    let folder = image_folder();
    let wanted = Wanted { image_size: Some(2), ..AS_IS };
    let splits = read("t", folder.path(), &declared(FOLDERS), &wanted).unwrap();
    assert_eq!(splits.train.labels, [0, 0, 1]);
    assert_eq!(splits.train.ids.as_deref().unwrap(), ["cat/1.png", "cat/2.png", "dog/deep/3.PNG"]);
    assert_eq!((splits.train.channels, splits.train.rows), (3, 2));
    assert_eq!(splits.train.image(0), [1; 12]);
    assert_eq!(splits.train.image(2), [200, 200, 200, 200, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(splits.test.ids.unwrap(), ["cat/5.png", "dog/4.png"]);
    let one = read("t", folder.path(), &declared(FOLDERS), &Wanted { channels: Some(1), ..wanted })
        .unwrap();
    assert_eq!((one.train.channels, one.train.image(2)), (1, &[60; 4][..]));
}

#[test]
fn images_of_different_sizes_need_an_image_size() {
    let folder = image_folder();
    let error = read_error(folder.path(), &declared(FOLDERS), &AS_IS);
    assert_eq!(
        error,
        "cannot read the data set `t`: its images have different sizes: `DIR/train/cat/1.png` has 3×3 pixels, \
         `DIR/train/dog/deep/3.PNG` has 4×2; set `image-size`"
    );
}

#[test]
fn a_class_without_images_is_named() {
    let folder = image_folder();
    fs::remove_dir_all(folder.path().join("test/cat")).unwrap();
    fs::create_dir(folder.path().join("test/cat")).unwrap();
    let error = read_error(folder.path(), &declared(FOLDERS), &AS_IS);
    assert_eq!(
        error,
        "cannot read the data set `t`: the folder `test/cat` has no PNG or JPEG files"
    );
}

#[test]
fn a_damaged_picture_is_named() {
    let folder = image_folder();
    write(folder.path(), &[("train/cat/1.png", b"GIF89a")]);
    let error =
        read_error(folder.path(), &declared(FOLDERS), &Wanted { image_size: Some(2), ..AS_IS });
    assert_eq!(
        error,
        "cannot read the data set `t`: cannot decode `DIR/train/cat/1.png`: neither a PNG nor a JPEG file"
    );
}

#[test]
fn a_second_read_does_not_need_the_files() {
    let folder = image_folder();
    let wanted = Wanted { image_size: Some(2), ..AS_IS };
    let set = declared(FOLDERS);
    let first = read("t", folder.path(), &set, &wanted).unwrap();
    fs::remove_dir_all(folder.path().join("train")).unwrap();
    assert_eq!(read("t", folder.path(), &set, &wanted).unwrap(), first);
    // Another size or another format needs them again.
    assert!(read("t", folder.path(), &set, &Wanted { image_size: Some(3), ..wanted }).is_err());
    let other = DataSet { classes: vec!["dog".to_owned(), "cat".to_owned()], ..set };
    assert!(read("t", folder.path(), &other, &wanted).is_err());
}

#[test]
fn a_damaged_file_of_decoded_images_is_replaced() {
    let folder = image_folder();
    let wanted = Wanted { image_size: Some(2), ..AS_IS };
    let first = read("t", folder.path(), &declared(FOLDERS), &wanted).unwrap();
    let entries =
        fs::read_dir(folder.path().join("decoded")).unwrap().map(|entry| entry.unwrap().path());
    let kept = entries
        .into_iter()
        .find(|path| path.extension().is_some_and(|end| end == "images"))
        .unwrap();
    let whole = fs::read(&kept).unwrap();
    for damaged in [&whole[..0], &whole[..5], &whole[..20], &whole[..whole.len() - 1], &[255; 400]]
    {
        // The map of `first` keeps the old bytes; it would not if the file itself were truncated.
        fs::remove_file(&kept).unwrap();
        fs::write(&kept, damaged).unwrap();
        assert_eq!(read("t", folder.path(), &declared(FOLDERS), &wanted).unwrap(), first);
        assert_eq!(fs::read(&kept).unwrap(), whole);
    }
}

#[test]
fn images_are_read_if_nothing_can_be_kept() {
    let folder = image_folder();
    let wanted = Wanted { image_size: Some(2), ..AS_IS };
    // A file in place of the folder.
    fs::write(folder.path().join("decoded"), b"").unwrap();
    let splits = read("t", folder.path(), &declared(FOLDERS), &wanted).unwrap();
    assert_eq!(splits.train.image(1), [2; 12]);
}

#[test]
fn a_missing_data_set_leaves_no_files() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    assert!(read("t", &missing, &declared(FOLDERS), &AS_IS).is_err());
    assert!(!missing.exists());
}

#[test]
fn batches_are_divided_by_their_files_or_by_a_split() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("a.bin", &[0, 10, 20, 1, 30, 40]), ("b.bin", &[1, 50, 60, 0, 70, 80])]);
    let set = declared(
        "format: {kind: batches, train: [a.bin], test: [b.bin], shape: [1, 1, 2]}\n\
         files: {a.bin: {sha256: ZEROS}, b.bin: {sha256: ZEROS}}\n\
         splits: {half: {kind: stratified, folds: 2}}\n",
    );
    let splits = read("t", folder.path(), &set, &AS_IS).unwrap();
    assert_eq!((splits.train.labels, &splits.test.pixels[..]), (vec![0, 1], &[50, 60, 70, 80][..]));
    let halves = [0, 1].map(|seed| {
        read("t", folder.path(), &set, &Wanted { split: "half", seed, ..AS_IS }).unwrap()
    });
    // One image of each class, chosen by the split.
    assert!(halves[0].test.labels.contains(&0) && halves[0].test.labels.contains(&1));
    assert_eq!((&halves[0].test, &halves[0].train), (&halves[1].train, &halves[1].test));
}
